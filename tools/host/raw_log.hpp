#pragma once
// Reads raw files of a collector (raw_store.hpp), merged by their arrivals (arrivals.hpp).

#include "tools/host/descriptor.hpp"
#include "tools/host/log_reader.hpp"
#include "tools/host/raw_store.hpp"

#include <array>
#include <deque>

namespace rouse::host {

class RawLog : public LogReader {
public:
    explicit RawLog(std::filesystem::path directory);

    std::vector<LogPiece> next() override;

private:
    struct Stream {
        std::filesystem::path path;
        Descriptor file;
        std::uint64_t printed = 0; ///< position in the file
        std::size_t gaps_told = 0;
        RawRecord record;
    };
    /// From this position on, the bytes of the stream came after those of the marks before.
    struct Mark {
        std::size_t stream = 0;
        std::uint64_t position = 0;
    };

    void read_arrivals();
    void refresh(Stream& stream);
    /// Adds what the stream has up to `limit`; whether that was all of it.
    bool advance(std::size_t number, std::uint64_t limit, std::vector<LogPiece>& pieces);
    /// Where the bytes of the first mark end.
    [[nodiscard]] std::uint64_t end_of_first() const;

    std::filesystem::path directory_;
    std::array<Stream, 2> streams_;
    std::deque<Mark> marks_;
    std::uint64_t arrivals_read_ = 0;
};

} // namespace rouse::host
