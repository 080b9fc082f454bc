#pragma once
// Reads what a collector has written of one generation, both streams in the order of their arrival.

#include "tools/host/stream_store.hpp"

namespace rouse::host {

/// Some bytes of a stream, or how many are lost there.
struct LogPiece {
    bool is_err = false;
    std::string bytes;
    std::uint64_t lost = 0;

    friend bool operator==(const LogPiece&, const LogPiece&) = default;
};

/// Not thread-safe. Reads with blocking calls.
class LogReader {
public:
    LogReader() = default;
    LogReader(const LogReader&) = delete;
    LogReader& operator=(const LogReader&) = delete;
    virtual ~LogReader() = default;

    /// What follows, at most some 100 KiB; nothing when there is no more for the moment.
    virtual std::vector<LogPiece> next() = 0;
};

/// A reader for what lies in the directory of a generation; null for journal export, which other
/// tools read, and for a directory without output.
std::unique_ptr<LogReader> open_log(const std::filesystem::path& directory);

/// The generation that was written to last: a directory of a collector, of a machine in it, or of a
/// generation may be given. Empty when there is none.
std::filesystem::path newest_generation(const std::filesystem::path& root);

} // namespace rouse::host
