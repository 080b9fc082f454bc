#pragma once
// events.jsonl of one machine: what happened, one JSON object a line, in bounded space.
//
// Before a line would make it longer than its limit the file becomes events.jsonl.1, in the place
// of an older one, and a new one begins. So the newest events are there, up to twice the limit of
// them.

#include "tools/host/async.hpp"

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string_view>

namespace rouse::host {

/// Thread-safe: the threads of a Disk share it.
class EventLog {
public:
    static constexpr std::uint64_t default_limit = 16U << 20U;

    /// `directory` may not exist yet. `limit`: bytes of the file.
    EventLog(std::filesystem::path directory, std::uint64_t limit);

    /// Adds a line, its line feed included.
    Outcome<> append(std::string_view line);

private:
    std::mutex mutex_;
    std::filesystem::path directory_;
    std::uint64_t limit_;
};

} // namespace rouse::host
