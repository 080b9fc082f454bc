#pragma once
// In which order the bytes of stdout and stderr came, for forms whose files do not say so.
//
//   DIR/arrivals.jsonl   {"time", "stream", "position"} a line: from this position of the stream's
//                        file on, the bytes came after what the lines before speak of
//
// It serves a person who reads both streams together, and nothing depends on it: a line that a
// crash took only makes the order coarser.

#include "tools/host/piece.hpp"

#include <atomic>
#include <filesystem>

namespace rouse::host {

/// Shared by the stores of a generation; thread-safe.
class Arrivals {
public:
    explicit Arrivals(const std::filesystem::path& directory)
        : path_(directory / "arrivals.jsonl") {}

    /// Bytes of `stream` are about to be written at `position` of its file. Writes a line when the
    /// bytes before were of the other stream.
    void note(const std::string& stream, std::uint64_t position,
              std::chrono::system_clock::time_point time);

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
    std::atomic<char> last_ = '\0'; ///< the character of the stream's name that tells the two apart
};

} // namespace rouse::host
