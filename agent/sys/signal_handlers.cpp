#include "agent/sys/signal_handlers.hpp"

#include "agent/sys/proc.hpp"
#include "agent/sys/unique_fd.hpp"

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include <sys/syscall.h>
#include <unistd.h>

namespace rouse::sys {

bool handles_signal(pid_t pid, int number) {
    if (number < 1 || number > 64) return false;
    const Result<std::string> status = read_file("/proc/" + std::to_string(pid) + "/status");
    if (!status) return false;
    constexpr std::string_view key = "SigCgt:\t";
    const std::size_t at = status->find(key);
    if (at == std::string::npos) return false;
    std::uint64_t caught = 0;
    const char* const digits = status->data() + at + key.size();
    const auto read = std::from_chars(digits, status->data() + status->size(), caught, 16);
    return read.ec == std::errc() && ((caught >> static_cast<unsigned>(number - 1)) & 1U) != 0;
}

bool signal_handler(pid_t pid, int number) {
    const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!process.valid() || !handles_signal(pid, number)) return false;
    return ::syscall(SYS_pidfd_send_signal, process.get(), number, nullptr, 0) == 0;
}

Result<std::size_t> signal_handlers(int cgroup, int number) {
    const Result<std::string> members =
        read_file("/proc/self/fd/" + std::to_string(cgroup) + "/cgroup.procs");
    if (!members) return members.error();
    std::size_t sent = 0;
    const char* at = members->data();
    const char* const end = at + members->size();
    while (at < end) {
        pid_t pid = 0;
        const auto read = std::from_chars(at, end, pid);
        if (read.ec != std::errc()) break;
        if (signal_handler(pid, number)) ++sent;
        at = read.ptr + 1; // behind the line feed
    }
    return sent;
}

} // namespace rouse::sys
