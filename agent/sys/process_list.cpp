#include "agent/sys/process_list.hpp"

#include "agent/sys/directory.hpp"
#include "agent/sys/proc.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <vector>

#include <unistd.h>

namespace rouse::sys {

namespace {

constexpr std::uint64_t kernel_thread = 0x00200000; // PF_KTHREAD of the kernel's sched.h
constexpr std::size_t fields_before_flags = 6;      // behind the name: state, ppid, …, tpgid

std::string stat_of(const std::string& pid) {
    const Result<std::string> text = read_file("/proc/" + pid + "/stat");
    return text ? *text : std::string();
}

/// The name may contain anything, also a parenthesis: it ends at the last one.
std::string_view name_in(std::string_view stat) {
    const std::size_t begin = stat.find('(');
    const std::size_t end = stat.rfind(')');
    if (begin == std::string_view::npos || end == std::string_view::npos) return {};
    return stat.substr(begin, end + 1 - begin);
}

/// The n-th field behind the name, from 0.
std::string_view field_in(std::string_view stat, std::size_t n) {
    const std::size_t end = stat.rfind(')');
    if (end == std::string_view::npos) return {};
    stat.remove_prefix(std::min(stat.size(), end + 2));
    for (; n > 0; --n)
        stat.remove_prefix(std::min(stat.size(), stat.find(' ') + 1));
    return stat.substr(0, stat.find(' '));
}

bool is_kernel_thread(std::string_view stat) {
    const std::string_view text = field_in(stat, fields_before_flags);
    std::uint64_t flags = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), flags);
    return read.ec == std::errc() && (flags & kernel_thread) != 0;
}

bool is_number(const std::string& name) {
    return !name.empty() &&
           std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

} // namespace

std::string describe_process(pid_t pid) {
    const std::string number = std::to_string(pid);
    const std::string stat = stat_of(number);
    const std::string_view name = name_in(stat);
    return name.empty() ? number : fmt::format("{} {}", number, name);
}

std::string describe_processes(std::size_t most) {
    const Result<std::vector<std::string>> names = list_directory("/proc");
    if (!names) return {};
    const std::string own = std::to_string(::getpid());
    std::string text;
    std::size_t count = 0;
    for (const std::string& number : *names) {
        if (!is_number(number) || number == own) continue;
        const std::string stat = stat_of(number);
        if (stat.empty() || is_kernel_thread(stat)) continue;
        if (count++ < most)
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", number, name_in(stat));
    }
    if (count > most) text += fmt::format(" and {} more", count - most);
    return text;
}

} // namespace rouse::sys
