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

} // namespace

int relay(Words words) {
    std::array<int, 2> pipe_ends{};
    if (words.size() != 3 || (words[0] != "splice" && words[0] != "copy")) {
        errno = EINVAL;
        return failed("relay splice|copy OUTPUT CONTROL");
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
    return words[0] == "splice" ? pump_splice(pipe_ends[0], socket_fd)
                                : pump_copy(pipe_ends[0], socket_fd);
}

} // namespace rouse::bench_peer
