#include "tools/benchmark/peer/control.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>

#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

namespace rouse::bench_peer {
namespace {

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

bool write_out(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t count = write(descriptor, bytes.data(), bytes.size());
        if (count < 0 && errno != EINTR) return false;
        if (count > 0) bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

int start_timer(std::uint64_t period) {
    const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    const timespec time{.tv_sec = static_cast<time_t>(period / a_second),
                        .tv_nsec = static_cast<long>(period % a_second)};
    const itimerspec when{.it_interval = time, .it_value = time};
    if (timer >= 0 && timerfd_settime(timer, 0, &when, nullptr) == 0) return timer;
    return -1; // the program ends, and the timer with it
}

bool await(int timer) {
    std::uint64_t expired = 0;
    return read(timer, &expired, sizeof expired) == static_cast<ssize_t>(sizeof expired);
}

int serve(Words words, const Obey& obey) {
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
