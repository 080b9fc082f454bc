#include "tests/support/collected.hpp"

#include "initramfs/file.hpp"
#include "proto/fields.hpp"
#include "tests/support/wait.hpp"
#include "tools/lab/places.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>

namespace rouse::test {

namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

std::string text_of(const fs::path& file) {
    return fs::exists(file) ? initramfs::read_file(file) : std::string();
}

/// The names of what lies in a directory, in order; none when there is no such directory.
std::vector<std::string> directories_in(const fs::path& directory) {
    std::vector<std::string> names;
    if (fs::is_directory(directory))
        for (const auto& entry : fs::directory_iterator(directory))
            if (entry.is_directory()) names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
}

} // namespace

fs::path Collected::machine() const {
    if (!name_.empty()) return directory_ / name_;
    const auto names = directories_in(directory_);
    return names.empty() ? directory_ / "no machine yet" : directory_ / names.front();
}

std::vector<Event> Collected::events() const {
    std::vector<Event> events;
    std::istringstream lines(text_of(machine() / "events.jsonl"));
    for (std::string line; std::getline(lines, line) && !lines.eof();) { // eof: half a line
        auto event = proto::parse_json(line);
        if (!event || !event->is_object())
            throw std::runtime_error(fmt::format("not an event: '{}'", line));
        events.push_back(event->get_object());
    }
    return events;
}

Event Collected::wait_event(std::string_view type,
                            const std::function<bool(const Event&)>& condition,
                            std::chrono::milliseconds limit) const {
    Event found;
    const auto is_there = [&] {
        for (Event& event : events()) {
            const json::value* name = event.if_contains("type");
            if (name == nullptr || *name != json::value(type) || !condition(event)) continue;
            found = std::move(event);
            return true;
        }
        return false;
    };
    const auto describe = [&] {
        return fmt::format("no such event '{}' in: {}", type, text_of(machine() / "events.jsonl"));
    };
    wait_until(is_there, describe, limit);
    return found;
}

std::vector<std::string> Collected::generations() const {
    return directories_in(machine());
}

fs::path Collected::file(const std::string& generation, std::string_view name) const {
    return machine() / generation / name;
}

std::string Collected::bytes(const std::string& generation, std::string_view stream) const {
    return text_of(machine() / generation / stream);
}

std::string Collected::part(const std::string& generation, std::string_view stream,
                            std::uint64_t from, std::size_t count) const {
    std::ifstream file(machine() / generation / stream, std::ios::binary);
    std::string bytes(count, '\0');
    file.seekg(static_cast<std::streamoff>(from));
    file.read(bytes.data(), static_cast<std::streamsize>(count));
    bytes.resize(static_cast<std::size_t>(file.gcount()));
    return bytes;
}

std::uint64_t Collected::size(const std::string& generation, std::string_view stream) const {
    std::error_code missing;
    const auto size = fs::file_size(machine() / generation / stream, missing);
    return missing ? 0 : size;
}

json::value Collected::record(const std::string& generation, std::string_view stream) const {
    const auto record =
        proto::parse_json(text_of(machine() / generation / fmt::format("{}.json", stream)));
    return record ? *record : json::value(json::object());
}

json::value Collected::wait_end(const std::string& generation, std::string_view stream,
                                std::chrono::milliseconds limit) const {
    const auto ended = [&] {
        const json::value now = record(generation, stream);
        const json::value* eos = now.get_object().if_contains("eos");
        return eos != nullptr && !eos->is_null() && *eos != json::value(false);
    };
    const auto describe = [&] {
        return fmt::format("{} of '{}' has {} bytes and no end: {}", stream, generation,
                           size(generation, stream), json::serialize(record(generation, stream)));
    };
    wait_until(ended, describe, limit);
    return record(generation, stream);
}

namespace {

std::vector<std::string> collect_command(const std::string& target, const fs::path& directory,
                                         std::vector<std::string> more) {
    std::vector<std::string> argv{lab::build_product("tools/rousectl").string(),
                                  "-H",
                                  target,
                                  "collect",
                                  "--output",
                                  directory.string()};
    argv.insert(argv.end(), std::make_move_iterator(more.begin()),
                std::make_move_iterator(more.end()));
    return argv;
}

/// When a file was made or changed last; nothing when there is none.
std::optional<fs::file_time_type> age_of(const fs::path& file) {
    std::error_code missing;
    const auto time = fs::last_write_time(file, missing);
    return missing ? std::nullopt : std::optional(time);
}

/// The last socket that a collector makes; empty where it makes none.
fs::path last_socket(const std::string& target) {
    return target.starts_with("unix:") ? fs::path(target.substr(5) + "_4002") : fs::path();
}

} // namespace

Collector::Collector(const std::string& target, const fs::path& directory,
                     std::vector<std::string> more, Environment environment)
    : collected_(directory), before_(age_of(last_socket(target))),
      command_(collect_command(target, directory, std::move(more)), std::move(environment)) {
    const fs::path output = last_socket(target);
    if (output.empty()) return;
    const auto listens = [&] {
        if (const auto ended = command_.process().status())
            throw std::runtime_error(
                fmt::format("the collector ended with {}: {}", ended->text(), command_.error()));
        const auto now = age_of(output); // one that was killed leaves its socket behind
        return now && now != before_;
    };
    wait_until(
        listens, [&] { return command_.error(); }, patience);
}

void Collector::freeze() {
    command_.process().signal(SIGSTOP);
}

void Collector::thaw() {
    command_.process().signal(SIGCONT);
}

void Collector::kill() {
    command_.process().signal(SIGKILL);
    (void)command_.finish(patience); // what it said does not matter
}

Said Collector::stop() {
    command_.process().signal(SIGTERM);
    return command_.finish(patience);
}

} // namespace rouse::test
