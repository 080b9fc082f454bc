#include "tools/host/event_log.hpp"

#include "tools/host/files.hpp"

#include <fmt/format.h>

#include <cstdio>

namespace rouse::host {

EventLog::EventLog(std::filesystem::path directory, std::uint64_t limit)
    : directory_(std::move(directory)), limit_(limit) {}

Outcome<> EventLog::append(std::string_view line) {
    const std::lock_guard lock(mutex_);
    std::error_code error;
    std::filesystem::create_directories(directory_, error);
    if (error)
        return Failure(fmt::format("cannot make '{}': {}", directory_.string(), error.message()));
    const std::filesystem::path file = directory_ / "events.jsonl";
    const std::uint64_t size = std::filesystem::file_size(file, error); // an error: none there yet
    if (!error && size > 0 && size + line.size() > limit_ &&
        std::rename(file.c_str(), (file.string() + ".1").c_str()) != 0)
        return file_failure("put aside", file);
    return append_file(file, line);
}

} // namespace rouse::host
