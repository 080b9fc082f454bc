#include "agent/sys/cgroup.hpp"

#include "agent/sys/descriptor.hpp"
#include "agent/sys/mount.hpp"
#include "agent/sys/proc.hpp"
#include "proto/text.hpp"

#include <array>
#include <charconv>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rouse::sys {

namespace {

constexpr std::array<std::string_view, 4> wanted_controllers = {"memory", "pids", "cpu", "io"};
constexpr int most_sweeps = 100;

Result<UniqueFd> open_in(int directory, const std::string& file, int flags) {
    UniqueFd fd(::openat(directory, file.c_str(), flags | O_CLOEXEC));
    if (!fd.valid()) return last_error();
    return fd;
}

Result<> write_in(int directory, const CgroupSetting& setting) {
    const Result<UniqueFd> file = open_in(directory, setting.file, O_WRONLY);
    if (!file) return file.error();
    const Result<Moved> moved = write_some(file->get(), setting.value);
    if (!moved) return moved.error();
    return {};
}

Result<std::string> read_in(int directory, const std::string& file) {
    const Result<UniqueFd> fd = open_in(directory, file, O_RDONLY);
    if (!fd) return fd.error();
    std::string text;
    std::array<char, 4096> buffer{};
    for (;;) {
        const Result<Moved> moved = read_some(fd->get(), buffer);
        if (!moved) return moved.error();
        if (moved->outcome != IoOutcome::moved) return text;
        text.append(buffer.data(), moved->bytes);
    }
}

/// Gives the children of `path` what it has itself. One by one: a controller that cannot be given,
/// such as cpu while there are real-time processes, keeps none of the others back.
void share_controllers(const std::string& path) {
    const Result<std::string> own = read_file(path + "/cgroup.controllers");
    if (!own) return;
    std::string words = *own;
    for (char& c : words)
        if (c == ' ' || c == '\n') c = ',';
    for (const std::string_view controller : wanted_controllers)
        if (proto::lists(words, controller))
            (void)write_file(path + "/cgroup.subtree_control", "+" + std::string(controller));
}

/// Sends SIGKILL to all that are listed; says how many that were.
Result<std::size_t> kill_listed(int directory) {
    const Result<std::string> text = read_in(directory, "cgroup.procs");
    if (!text) return text.error();
    std::string_view rest = *text;
    std::size_t count = 0;
    while (!rest.empty()) {
        const std::string_view line = proto::split_off(rest, '\n');
        pid_t pid = 0;
        const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), pid);
        // 0 is a process of another namespace.
        if (error != std::errc() || pid <= 0) continue;
        ++count;
        (void)::kill(pid, SIGKILL); // it is gone by itself at worst
    }
    return count;
}

} // namespace

Result<std::string> own_cgroup() {
    const Result<std::vector<Mount>> mounts = current_mounts();
    if (!mounts) return mounts.error();
    const Result<std::string> groups = read_file("/proc/self/cgroup");
    if (!groups) return groups.error();
    std::string_view rest = *groups;
    while (!rest.empty()) {
        std::string_view line = proto::split_off(rest, '\n');
        if (!line.starts_with("0::/")) continue;
        line.remove_prefix(3);
        for (const Mount& mount : *mounts)
            if (mount.type == "cgroup2")
                return mount.target + (line == "/" ? "" : std::string(line));
    }
    return error_from(ENOENT);
}

Result<> make_cgroup_tree(const std::string& parent, const std::string& path) {
    share_controllers(parent);
    if (const Result<> made = make_directory(path, 0755); !made) return made;
    share_controllers(path);
    // A directory that was there already may be somebody else's.
    if (::access((path + "/cgroup.procs").c_str(), W_OK) < 0) return last_error();
    return {};
}

MadeCgroup make_cgroup(const std::string& path, const std::vector<CgroupSetting>& settings) {
    if (::mkdir(path.c_str(), 0755) < 0) return {.directory = last_error(), .file = ""};
    Result<UniqueFd> directory = open_file(path, O_RDONLY | O_DIRECTORY);
    if (!directory) {
        (void)::rmdir(path.c_str()); // new and empty
        return {.directory = directory.error(), .file = ""};
    }
    for (const CgroupSetting& setting : settings) {
        const Result<> written = write_in(directory->get(), setting);
        if (written) continue;
        (void)::rmdir(path.c_str());
        return {.directory = written.error(), .file = setting.file};
    }
    return {.directory = std::move(*directory), .file = ""};
}

bool cgroup_oom_killed(int directory) {
    const Result<std::string> events = read_in(directory, "memory.events");
    return events && number_after(*events, "oom_kill ").value_or(0) > 0;
}

Result<UniqueFd> open_memory_events(int directory) {
    return open_in(directory, "memory.events", O_RDONLY);
}

Result<std::uint64_t> oom_kills(int events) {
    std::array<char, 512> text{};
    const ssize_t count = ::pread(events, text.data(), text.size(), 0);
    if (count < 0) return last_error();
    const std::string_view read(text.data(), static_cast<std::size_t>(count));
    return number_after(read, "oom_kill ").value_or(0);
}

Result<> kill_cgroup(int directory) {
    const Result<> killed = write_in(directory, {.file = "cgroup.kill", .value = "1"});
    if (killed || killed.error() != error_from(ENOENT)) return killed;
    return kill_cgroup_members(directory);
}

Result<> kill_cgroup_members(int directory) {
    // Frozen processes neither fork nor end by themselves, so that no number on the list can become
    // somebody else's; they still take SIGKILL. Freezing takes effect in a while: hence the sweeps.
    if (const Result<> frozen = write_in(directory, {.file = "cgroup.freeze", .value = "1"});
        !frozen)
        return frozen;
    Result<std::size_t> listed = std::size_t{1};
    for (int sweep = 0; sweep < most_sweeps && listed && *listed > 0; ++sweep)
        listed = kill_listed(directory);
    (void)write_in(directory, {.file = "cgroup.freeze", .value = "0"});
    if (!listed) return listed.error();
    return {};
}

Result<CgroupState> remove_cgroup(const std::string& path) {
    if (::rmdir(path.c_str()) == 0 || errno == ENOENT) return CgroupState::gone;
    if (errno == EBUSY) return CgroupState::populated;
    return last_error();
}

void wait_until_empty(int directory, std::chrono::steady_clock::time_point end) {
    const Result<UniqueFd> events = open_cgroup_events(directory);
    if (!events) return;
    for (;;) {
        const Result<CgroupState> state = cgroup_state(events->get());
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            end - std::chrono::steady_clock::now());
        if (!state || *state != CgroupState::populated || left.count() <= 0) return;
        pollfd change{.fd = events->get(), .events = POLLPRI, .revents = 0};
        (void)::poll(&change, 1, static_cast<int>(left.count())); // the state is looked at anyway
    }
}

Result<UniqueFd> open_cgroup_events(int directory) {
    return open_in(directory, "cgroup.events", O_RDONLY);
}

Result<CgroupState> cgroup_state(int events) {
    std::array<char, 256> text{};
    const ssize_t count = ::pread(events, text.data(), text.size(), 0);
    if (count < 0) return last_error();
    const std::string_view read(text.data(), static_cast<std::size_t>(count));
    return number_after(read, "populated ").value_or(0) != 0 ? CgroupState::populated
                                                             : CgroupState::empty;
}

} // namespace rouse::sys
