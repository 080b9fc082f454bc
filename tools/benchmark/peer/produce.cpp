// What a workload writes in the benchmark, as the host says over a connection of its own.
#include "tools/benchmark/peer/control.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

namespace rouse::bench_peer {
namespace {

std::uint64_t now() {
    timespec time{};
    (void)clock_gettime(CLOCK_MONOTONIC, &time); // cannot fail with these arguments
    return static_cast<std::uint64_t>(time.tv_sec) * a_second +
           static_cast<std::uint64_t>(time.tv_nsec);
}

/// A line of 80 bytes that begins with `number`.
std::array<char, 80> make_line(std::uint64_t number) {
    std::array<char, 80> line{};
    line.fill('.');
    line.back() = '\n';
    *std::to_chars(line.begin(), line.end(), number).ptr = ' ';
    return line;
}

bool write_bulk(std::uint64_t bytes) {
    static std::array<char, 65536> buffer;
    buffer.fill('b');
    while (bytes > 0) {
        const auto count = std::min<std::uint64_t>(bytes, buffer.size());
        if (!write_out(STDOUT_FILENO, {buffer.data(), count})) return false;
        bytes -= count;
    }
    return true;
}

bool write_lines(std::uint64_t count) {
    for (std::uint64_t index = 0; index < count; ++index) {
        const auto line = make_line(index);
        if (!write_out(STDOUT_FILENO, {line.data(), line.size()})) return false;
    }
    return true;
}

bool write_paced(std::uint64_t count, std::uint64_t period) {
    const int timer = start_timer(period);
    bool fine = timer >= 0;
    for (std::uint64_t index = 0; fine && index < count; ++index) {
        fine = await(timer);
        const auto line = make_line(now());
        fine = fine && write_out(STDOUT_FILENO, {line.data(), line.size()});
    }
    close(timer);
    return fine;
}

/// The first number of /proc/PID/schedstat: nanoseconds on a processor
/// (kernel: Documentation/scheduler/sched-stats.rst). 0 when it cannot be read.
std::uint64_t parent_cpu() {
    std::array<char, 128> text{};
    const std::string path = "/proc/" + std::to_string(getppid()) + "/schedstat";
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const ssize_t count = file < 0 ? 0 : read(file, text.data(), text.size());
    if (file >= 0) close(file);
    std::uint64_t time = 0;
    std::from_chars(text.data(), text.data() + std::max<ssize_t>(count, 0), time);
    return time;
}

/// The answer; nothing when standard output is gone, or nobody knows the command.
std::optional<std::string> obey(const Command& command) {
    bool done = false;
    if (command.verb == "cpu") return std::to_string(parent_cpu());
    if (command.verb == "clock") return std::to_string(now());
    if (command.verb == "clean") return clean_pages() ? "done" : "unknown";
    if (command.verb == "dirty") return std::to_string(dirty_pages());
    if (command.verb == "bulk") done = write_bulk(command.first);
    if (command.verb == "lines") done = write_lines(command.first);
    if (command.verb == "paced") done = write_paced(command.first, command.second * 1000);
    if (!done) return std::nullopt;
    return "done";
}

} // namespace

int produce(Words words) {
    return serve(words, obey);
}

} // namespace rouse::bench_peer
