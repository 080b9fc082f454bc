#include "tools/host/log_reader.hpp"

#include "tools/host/json_log.hpp"
#include "tools/host/raw_log.hpp"

#include <array>

namespace rouse::host {
namespace {

namespace fs = std::filesystem;

constexpr std::array names = {"stdout",       "stderr",        "stdout.jsonl",
                              "stderr.jsonl", "stdout.export", "stderr.export"};

} // namespace

std::unique_ptr<LogReader> open_log(const fs::path& directory) {
    if (fs::exists(directory / "stdout") || fs::exists(directory / "stderr"))
        return std::make_unique<RawLog>(directory);
    if (fs::exists(directory / "stdout.jsonl") || fs::exists(directory / "stderr.jsonl"))
        return std::make_unique<JsonLog>(directory);
    return nullptr;
}

fs::path newest_generation(const fs::path& root) {
    fs::path newest;
    fs::file_time_type when = fs::file_time_type::min();
    const auto consider = [&](const fs::path& directory) {
        for (const char* name : names) {
            std::error_code error;
            const auto time = fs::last_write_time(directory / name, error);
            if (error || (!newest.empty() && time <= when)) continue;
            newest = directory;
            when = time;
        }
    };
    consider(root);
    std::error_code error;
    for (fs::recursive_directory_iterator entry(root, error), end; !error && entry != end;
         entry.increment(error)) {
        if (entry.depth() > 1) entry.disable_recursion_pending();
        std::error_code gone; // it may have been removed since it was listed
        if (entry->is_directory(gone)) consider(entry->path());
    }
    return newest;
}

} // namespace rouse::host
