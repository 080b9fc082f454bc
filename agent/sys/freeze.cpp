#include "agent/sys/freeze.hpp"

#include "agent/sys/descriptor.hpp"
#include "agent/sys/directory.hpp"
#include "agent/sys/proc.hpp"
#include "proto/text.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <string_view>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace rouse::sys {

namespace {

struct ProcessState {
    std::string name;
    char state = '?';
};

/// Source: proc(5), /proc/[pid]/stat. The name may hold anything, so its last parenthesis counts.
ProcessState parse_stat(std::string_view text) {
    const std::size_t open = text.find('(');
    const std::size_t close = text.rfind(')');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open)
        return {};
    const std::size_t state = close + 2;
    return {.name = std::string(text.substr(open + 1, close - open - 1)),
            .state = state < text.size() ? text[state] : '?'};
}

/// The state of the thread that is worth telling: one that waits for a disk counts more than
/// others.
std::optional<ProcessState> process_state(std::string_view pid) {
    std::optional<ProcessState> worst;
    const std::string tasks = fmt::format("/proc/{}/task/", pid);
    const Result<std::vector<std::string>> listed = list_directory(tasks); // It may be gone.
    for (const std::string& task : listed ? *listed : std::vector<std::string>()) {
        const Result<std::string> text = read_file(tasks + task + "/stat");
        if (!text) continue;
        const ProcessState read = parse_stat(*text);
        if (!worst || read.state == 'D' || (read.state == 'R' && worst->state != 'D')) worst = read;
    }
    return worst;
}

/// Adds those of one leaf to `moving` or to `others`.
void list_leaf(const std::string& leaf, std::vector<std::string>& moving,
               std::vector<std::string>& others) {
    const Result<std::string> pids = read_file(leaf + "/cgroup.procs");
    if (!pids) return;
    std::string_view rest = *pids;
    while (!rest.empty()) {
        const std::string_view pid = proto::split_off(rest, '\n');
        const std::optional<ProcessState> state = process_state(pid);
        if (!state) continue;
        std::string line = fmt::format("{} (pid {}, state {})", state->name, pid, state->state);
        (state->state == 'D' || state->state == 'R' ? moving : others).push_back(std::move(line));
    }
}

/// Whether `path` is a group whose processes still run. A file, which has no such list, is none.
bool is_moving_leaf(const std::string& path) {
    const Result<std::string> events = read_file(path + "/cgroup.events");
    return events && number_after(*events, "frozen ").value_or(0) == 0;
}

} // namespace

Result<> freeze_cgroup(const std::string& path, Freezing what) {
    return write_file(path + "/cgroup.freeze", what == Freezing::freeze ? "1" : "0");
}

Result<Stillness> cgroup_stillness(int events) {
    std::array<char, 256> text{};
    const ssize_t count = ::pread(events, text.data(), text.size(), 0);
    if (count < 0) return last_error();
    const std::string_view read(text.data(), static_cast<std::size_t>(count));
    return number_after(read, "frozen ").value_or(0) != 0 ? Stillness::frozen : Stillness::moving;
}

std::vector<std::string> not_frozen(const std::string& path, std::size_t most) {
    std::vector<std::string> moving;
    std::vector<std::string> others;
    const Result<std::vector<std::string>> listed = list_directory(path); // Groups come and go.
    for (const std::string& name : listed ? *listed : std::vector<std::string>())
        if (const std::string leaf = path + "/" + name; is_moving_leaf(leaf))
            list_leaf(leaf, moving, others);
    std::vector<std::string>& said = moving.empty() ? others : moving;
    if (said.size() > most) said.resize(most);
    return std::move(said);
}

Result<> freeze_filesystem(const std::string& path, Freezing what) {
    const Result<UniqueFd> directory = open_file(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
    if (!directory) return directory.error();
    const unsigned long request = what == Freezing::freeze ? FIFREEZE : FITHAW;
    if (::ioctl(directory->get(), request, 0) < 0) return last_error();
    return {};
}

} // namespace rouse::sys
