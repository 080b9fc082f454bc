// What a workload writes in the benchmark, as the host says over a connection of its own.
#include "tools/benchmark/peer/verbs.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <optional>
#include <string>

#include <fcntl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

namespace rouse::bench_peer {
namespace {

constexpr std::uint64_t a_second = 1'000'000'000; // in nanoseconds

struct Command {
    std::string verb;
    std::uint64_t first = 0;
    std::uint64_t second = 0;
};

bool write_out(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t count = write(descriptor, bytes.data(), bytes.size());
        if (count < 0 && errno != EINTR) return false;
        if (count > 0) bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

std::uint64_t now() {
    timespec time{};
    (void)clock_gettime(CLOCK_MONOTONIC, &time); // cannot fail with these arguments
    return static_cast<std::uint64_t>(time.tv_sec) * a_second +
           static_cast<std::uint64_t>(time.tv_nsec);
}

/// A timer that expires each `period` nanoseconds from now on; -1 with errno set.
int start_timer(std::uint64_t period) {
    const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    const timespec time{.tv_sec = static_cast<time_t>(period / a_second),
                        .tv_nsec = static_cast<long>(period % a_second)};
    const itimerspec when{.it_interval = time, .it_value = time};
    if (timer >= 0 && timerfd_settime(timer, 0, &when, nullptr) == 0) return timer;
    return -1; // the program ends, and the timer with it
}

/// Until the timer has expired once more.
bool await(int timer) {
    std::uint64_t expired = 0;
    return read(timer, &expired, sizeof expired) == static_cast<ssize_t>(sizeof expired);
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

/// One line of the control connection; nothing at its end.
std::optional<std::string> read_line(int control) {
    std::string line;
    for (char byte = 0;;) {
        const ssize_t count = read(control, &byte, 1);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return std::nullopt;
        if (byte == '\n') return line;
        line += byte;
    }
}

Command parse(const std::string& line) {
    Command command;
    command.verb = line.substr(0, line.find(' '));
    const char* end = line.data() + line.size();
    const char* at = std::min(line.data() + command.verb.size() + 1, end);
    at = std::from_chars(at, end, command.first).ptr;
    std::from_chars(std::min(at + 1, end), end, command.second);
    return command;
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

/// The host may come to listen only after its guest has started.
int connect_in_time(std::string_view place) {
    constexpr std::uint64_t period = a_second / 20;
    const int timer = start_timer(period);
    int control = connect_to(place);
    for (int tries = 0; control < 0 && tries < 600 && await(timer); ++tries)
        control = connect_to(place);
    close(timer);
    return control;
}

} // namespace

int produce(Words words) {
    const int control = words.size() == 1 ? connect_in_time(words[0]) : -1;
    if (control < 0) return failed("the control connection");
    while (const auto line = read_line(control)) {
        const auto answer = obey(parse(*line));
        if (!answer) return failed(*line);
        if (!write_out(control, *answer + "\n")) return failed("the control connection");
    }
    return 0;
}

} // namespace rouse::bench_peer
