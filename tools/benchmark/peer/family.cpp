// Processes whose parent ends before they do: what an init has to reap.
#include "tools/benchmark/peer/control.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace rouse::bench_peer {
namespace {

/// Returns when every copy of the other end is closed.
void wait_for_end(int descriptor) {
    for (char byte = 0;;) {
        const ssize_t count = read(descriptor, &byte, 1);
        if (count == 0 || (count < 0 && errno != EINTR)) return;
    }
}

/// Waits for a child of ours, which ends with 0 when it could do what it should.
bool child_succeeded(pid_t child) {
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) return false;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
    errno = EAGAIN; // the only thing that it does is to fork
    return false;
}

/// What holds orphans back, and tells of their end: a pair of sockets, of which they have one.
struct Gate {
    std::array<int, 2> ends{-1, -1}; ///< the maker's and theirs

    bool make() { return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0; }

    /// In an orphan: waits for the gate, and ends.
    [[noreturn]] void pass() const {
        close(ends[0]);
        wait_for_end(ends[1]);
        _exit(0);
    }

    /// In the maker: theirs is only for orphans.
    void keep_own() { close(std::exchange(ends[1], -1)); }

    /// In the maker: returns when all who were held back have let go of their end, as the last that
    /// they do.
    bool open() {
        const bool opened = shutdown(ends[0], SHUT_WR) == 0;
        if (opened) wait_for_end(ends[0]);
        close(std::exchange(ends[0], -1));
        return opened;
    }
};

/// Makes so many orphans, which all wait for the gate. Their parent has ended when it returns.
bool make_waiting(Gate& gate, std::uint64_t count) {
    if (!gate.make()) return false;
    const pid_t parent = fork();
    if (parent == 0) {
        for (std::uint64_t index = 0; index < count; ++index) {
            const pid_t orphan = fork();
            if (orphan < 0) _exit(1);
            if (orphan == 0) gate.pass();
        }
        _exit(0);
    }
    gate.keep_own();
    return child_succeeded(parent);
}

bool make_one_by_one(std::uint64_t count) {
    for (std::uint64_t index = 0; index < count; ++index) {
        Gate gate;
        if (!make_waiting(gate, 1) || !gate.open()) return false;
    }
    return true;
}

} // namespace

int family(Words words) {
    Gate gate;
    return serve(words, [&gate](const Command& command) -> std::optional<std::string> {
        bool done = false;
        errno = EINVAL;
        if (command.verb == "wait") done = make_waiting(gate, command.first);
        if (command.verb == "open") done = gate.open();
        if (command.verb == "one-by-one") done = make_one_by_one(command.first);
        if (!done) return std::nullopt;
        return "done";
    });
}

int boot_time(Words words) {
    timespec time{};
    errno = EINVAL;
    if (!words.empty() || clock_gettime(CLOCK_BOOTTIME, &time) != 0) return failed("boot-time");
    std::printf("%lld\n", static_cast<long long>(time.tv_sec) * 1'000'000 + time.tv_nsec / 1000);
    return 0;
}

} // namespace rouse::bench_peer
