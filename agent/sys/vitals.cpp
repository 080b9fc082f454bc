#include "agent/sys/vitals.hpp"

#include "agent/sys/directory.hpp"

#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include <sys/resource.h>

namespace rouse::sys {

namespace {

/// The file, or nothing: what is missing there is missing in the vitals.
std::string text_of(const char* path) {
    Result<std::string> text = read_file(path);
    return text ? std::move(*text) : std::string();
}

/// The next number of a line such as "0.42 0.17 0.05 1/123 4567".
Vitals::Number take_number(std::string_view& text) {
    while (!text.empty() && (text.front() < '0' || text.front() > '9'))
        text.remove_prefix(1);
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

/// The same for a number with two decimals, in hundredths: the kernel prints no other fractions.
Vitals::Number take_hundredths(std::string_view& text) {
    const Vitals::Number whole = take_number(text);
    const Vitals::Number fraction = take_number(text);
    if (!whole || !fraction) return std::nullopt;
    return *whole * 100 + *fraction;
}

Vitals::Number number_of(const char* path) {
    const std::string text = text_of(path);
    std::string_view rest = text;
    return take_number(rest);
}

void read_memory(Vitals& vitals) {
    const std::string text = "\n" + text_of("/proc/meminfo");
    vitals.memory_total = number_after(text, "\nMemTotal:");
    vitals.memory_free = number_after(text, "\nMemFree:");
    vitals.memory_available = number_after(text, "\nMemAvailable:");
    vitals.swap_total = number_after(text, "\nSwapTotal:");
    vitals.swap_free = number_after(text, "\nSwapFree:");
    vitals.oom_kills = number_after(text_of("/proc/vmstat"), "\noom_kill ");
}

void read_load(Vitals& vitals) {
    const std::string text = text_of("/proc/loadavg");
    std::string_view rest = text;
    vitals.load_1 = take_hundredths(rest);
    vitals.load_5 = take_hundredths(rest);
    vitals.load_15 = take_hundredths(rest);
    vitals.threads_running = take_number(rest);
    vitals.threads = take_number(rest);
    const std::string up = text_of("/proc/uptime");
    std::string_view seconds = up;
    if (const Vitals::Number uptime = take_hundredths(seconds)) vitals.uptime_ms = *uptime * 10;
}

void read_files(Vitals& vitals) {
    const std::string text = text_of("/proc/sys/fs/file-nr");
    std::string_view rest = text;
    vitals.files = take_number(rest);
    (void)take_number(rest); // has been 0 since Linux 2.6
    vitals.files_max = take_number(rest);
}

Vitals::Number count_own_descriptors() {
    const Result<std::vector<std::string>> open = list_directory("/proc/self/fd");
    if (!open || open->empty()) return std::nullopt;
    return open->size() - 1; // One of them reads the directory.
}

Vitals::Number own_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::nullopt;
    return limit.rlim_cur;
}

} // namespace

Vitals read_vitals() {
    Vitals vitals;
    read_memory(vitals);
    read_load(vitals);
    read_files(vitals);
    vitals.pid_max = number_of("/proc/sys/kernel/pid_max");
    vitals.pipe_max_size = number_of("/proc/sys/fs/pipe-max-size");
    if (const Result<MemoryUse> memory = own_memory()) vitals.own_memory = *memory;
    vitals.own_descriptors = count_own_descriptors();
    vitals.own_descriptors_max = own_descriptor_limit();
    return vitals;
}

} // namespace rouse::sys
