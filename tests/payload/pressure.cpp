// Writers that watch the clock: how long a write was held, and when a byte was written.
#include "tests/payload/verbs.hpp"
#include "tests/support/sequence.hpp"
#include "tests/support/stamp.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace rouse::payload {
namespace {

using Clock = std::chrono::steady_clock;

/// How long a process has waited for a processor, ever: what a busy machine adds to a write is not
/// what the agent has done to it. Source: Linux, Documentation/scheduler/sched-stats.rst.
class RunQueueWait {
public:
    explicit RunQueueWait(pid_t pid)
        : file_(open(("/proc/" + std::to_string(pid) + "/schedstat").c_str(),
                     O_RDONLY | O_CLOEXEC)) {}
    RunQueueWait(const RunQueueWait&) = delete;
    RunQueueWait& operator=(const RunQueueWait&) = delete;
    ~RunQueueWait() {
        if (file_ >= 0) close(file_);
    }

    /// Zero on a kernel that does not count it.
    [[nodiscard]] std::chrono::nanoseconds total() const {
        std::array<char, 128> text{};
        const ssize_t count = file_ < 0 ? -1 : pread(file_, text.data(), text.size() - 1, 0);
        const std::string_view line(text.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
        const auto first = line.find(' ');
        if (first == std::string_view::npos) return {};
        const auto second = line.substr(first + 1);
        return std::chrono::nanoseconds(number(second.substr(0, second.find(' '))));
    }

private:
    int file_;
};

/// How long a write was held at most: by the clock, and apart from waiting for a processor, which
/// is this machine's doing.
struct Longest {
    std::chrono::nanoseconds by_clock{};
    std::chrono::nanoseconds held{};
};

/// Writes until `end`; what was written, or a negative number.
std::int64_t write_until(Clock::time_point end, Longest& longest) {
    const RunQueueWait own(getpid());
    const RunQueueWait agent(getppid());
    std::array<char, 16384> buffer{};
    std::uint64_t offset = 0;
    std::chrono::nanoseconds before = own.total() + agent.total();
    for (auto now = Clock::now(); now < end;) {
        test::fill_sequence(STDOUT_FILENO, offset, buffer);
        const auto start = Clock::now();
        const ssize_t count = write(STDOUT_FILENO, buffer.data(), buffer.size());
        if (count < 0 && errno != EINTR) return -1;
        now = Clock::now();
        offset += static_cast<std::uint64_t>(std::max<ssize_t>(count, 0));
        const std::chrono::nanoseconds waited = own.total() + agent.total();
        const std::chrono::nanoseconds took = now - start;
        longest.by_clock = std::max(longest.by_clock, took);
        longest.held = std::max(longest.held, took - (waited - before));
        before = waited;
    }
    return static_cast<std::int64_t>(offset);
}

} // namespace

int relentless(Words words) {
    if (words.size() != 1) return unable;
    // Others run on this machine, too: without a pause must not mean at their expense.
    if (nice(10) == -1) return failed("nice");
    Longest longest;
    const auto written =
        write_until(Clock::now() + std::chrono::seconds(number(words[0])), longest);
    if (written < 0) return failed("write");
    return std::fprintf(stderr, "%lld %lld %lld\n", static_cast<long long>(written),
                        static_cast<long long>(longest.held.count() / 1000),
                        static_cast<long long>(longest.by_clock.count() / 1000)) > 0
               ? 0
               : unable;
}

int clock(Words words) {
    if (!words.empty()) return unable;
    for (char byte = 0;;) {
        const ssize_t count = read(STDIN_FILENO, &byte, 1);
        if (count == 0) return 0;
        if (count < 0) return failed("read");
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        const std::string line =
            std::to_string(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count()) +
            "\n";
        if (write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
            return failed("write");
    }
}

int stamps(Words words) {
    constexpr int pause_ms = 4;
    if (!words.empty()) return unable;
    // Two processes: a stream that is held up does not hold up the other one.
    const pid_t child = fork();
    if (child < 0) return failed("fork");
    const int stream = child == 0 ? STDERR_FILENO : STDOUT_FILENO;
    std::array<char, test::stamp_block> block{};
    for (;;) {
        const std::int64_t now = Clock::now().time_since_epoch().count();
        std::memcpy(block.data(), &now, sizeof now);
        // A page: all of it, or an error.
        if (write(stream, block.data(), block.size()) < 0) return failed("write");
        (void)poll(nullptr, 0, pause_ms); // cannot fail: no descriptor
    }
}

} // namespace rouse::payload
