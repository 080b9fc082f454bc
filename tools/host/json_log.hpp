#pragma once
// Reads JSON lines of a collector, merged by their times.

#include "tools/host/log_reader.hpp"

#include <array>
#include <deque>

namespace rouse::host {

class JsonLog : public LogReader {
public:
    explicit JsonLog(const std::filesystem::path& directory);

    std::vector<LogPiece> next() override;

private:
    struct Line {
        std::string time;
        LogPiece piece;
    };
    struct Stream {
        std::filesystem::path path;
        std::uint64_t read = 0; ///< position in the file
        std::deque<Line> lines; ///< read and not given out yet
    };

    static void refill(Stream& stream, bool is_err);

    std::array<Stream, 2> streams_;
};

} // namespace rouse::host
