// The peers' relays: what is left of one when nothing is framed, kept, acknowledged or given up.
#include "tools/benchmark/peer/verbs.hpp"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace rouse::bench_peer {
namespace {

/// Blocks as it likes: it has nothing else to do.
int pump_splice(int pipe_end, int socket_fd) {
    for (;;) {
        const ssize_t moved = splice(pipe_end, nullptr, socket_fd, nullptr, cap, 0);
        if (moved == 0) return 0;
        if (moved < 0 && errno != EINTR) return failed("splice");
    }
}

/// Two pipes as the agent's: one keeps what was sent for a while, one takes a frame together.
struct Keeper {
    std::array<int, 2> kept{};
    std::array<int, 2> frame{};
    int null = -1;

    /// Whether all of it is there.
    bool open() {
        constexpr int retention = 1024 * 1024;
        null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
        return null >= 0 && pipe2(kept.data(), O_CLOEXEC) == 0 &&
               pipe2(frame.data(), O_CLOEXEC) == 0 && fcntl(kept[1], F_SETPIPE_SZ, retention) > 0;
    }
};

/// Moves exactly `bytes`, which are there.
bool splice_all(int from, int to, std::size_t bytes) {
    while (bytes > 0) {
        const ssize_t moved = splice(from, nullptr, to, nullptr, bytes, 0);
        if (moved == 0 || (moved < 0 && errno != EINTR)) return false;
        if (moved > 0) bytes -= static_cast<std::size_t>(moved);
    }
    return true;
}

/// The least that keeping costs: no event loop, no header, no acknowledgement, no deadline.
int pump_keep(int pipe_end, int socket_fd) {
    // About 256 KiB, and of small writes, each in a slot of its own, no more than `kept` has.
    constexpr int frames_kept = 8;
    Keeper keeper;
    if (!keeper.open()) return failed("pipes");
    std::size_t held = 0;
    for (int frames = 1;; ++frames) {
        const ssize_t count = tee(pipe_end, keeper.kept[1], cap, 0);
        if (count == 0) return 0;
        if (count < 0) return failed("tee");
        const auto bytes = static_cast<std::size_t>(count);
        held += bytes;
        if (!splice_all(pipe_end, keeper.frame[1], bytes) ||
            !splice_all(keeper.frame[0], socket_fd, bytes))
            return failed("splice");
        if (frames % frames_kept != 0) continue;
        if (!splice_all(keeper.kept[0], keeper.null, held)) return failed("splice");
        held = 0;
    }
}

bool write_all(int socket_fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t count = write(socket_fd, bytes.data(), bytes.size());
        if (count < 0 && errno != EINTR) return false;
        if (count > 0) bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

int pump_copy(int pipe_end, int socket_fd) {
    static std::array<char, cap> buffer;
    for (;;) {
        const ssize_t count = read(pipe_end, buffer.data(), buffer.size());
        if (count == 0) return 0;
        if (count < 0 && errno != EINTR) return failed("read");
        if (count > 0 && !write_all(socket_fd, {buffer.data(), static_cast<std::size_t>(count)}))
            return failed("write");
    }
}

using Pump = int (*)(int pipe_end, int socket_fd);

/// Null for a word that names none.
Pump pump_of(std::string_view word) {
    if (word == "splice") return pump_splice;
    if (word == "keep") return pump_keep;
    return word == "copy" ? pump_copy : nullptr;
}

} // namespace

int relay(Words words) {
    std::array<int, 2> pipe_ends{};
    const auto pump = words.size() == 3 ? pump_of(words[0]) : nullptr;
    if (pump == nullptr) {
        errno = EINVAL;
        return failed("relay splice|keep|copy OUTPUT CONTROL");
    }
    const int socket_fd = connect_to(words[1]);
    if (socket_fd < 0) return failed(words[1]);
    if (pipe2(pipe_ends.data(), O_CLOEXEC) != 0) return failed("pipe2");
    const pid_t producer = fork();
    if (producer < 0) return failed("fork");
    if (producer == 0) {
        // The relay's socket and reading end would outlive the relay in here.
        if (dup2(pipe_ends[1], STDOUT_FILENO) < 0) _exit(failed("dup2"));
        for (const int descriptor : {pipe_ends[0], pipe_ends[1], socket_fd})
            close(descriptor);
        _exit(produce(words.last(1)));
    }
    close(pipe_ends[1]);
    return pump(pipe_ends[0], socket_fd);
}

} // namespace rouse::bench_peer
