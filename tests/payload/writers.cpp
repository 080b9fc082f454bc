// Ways of writing that a relay has to bear: sizes, modes, ends.
#include "tests/payload/verbs.hpp"
#include "tests/support/sequence.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rouse::payload {
namespace {

/// What a stream consists of: the bytes from an offset on.
using Fill = void (*)(std::uint64_t offset, std::span<char> out);

void fill_stdout(std::uint64_t offset, std::span<char> out) {
    test::fill_sequence(STDOUT_FILENO, offset, out);
}

void fill_stderr(std::uint64_t offset, std::span<char> out) {
    test::fill_sequence(STDERR_FILENO, offset, out);
}

/// Waits, where the workload has made its end of the pipe non-blocking.
bool wait_writable(int descriptor) {
    pollfd entry{.fd = descriptor, .events = POLLOUT, .revents = 0};
    return poll(&entry, 1, -1) == 1;
}

/// Writes `total` bytes, `size` of them a call.
int write_pieces(int descriptor, std::size_t size, std::uint64_t total, Fill fill) {
    std::vector<char> buffer(size);
    for (std::uint64_t offset = 0; offset < total;) {
        std::span<char> piece(buffer.data(), std::min<std::uint64_t>(size, total - offset));
        fill(offset, piece);
        offset += piece.size();
        while (!piece.empty()) {
            const ssize_t count = write(descriptor, piece.data(), piece.size());
            if (count > 0) piece = piece.subspan(static_cast<std::size_t>(count));
            if (count < 0 && errno == EAGAIN && wait_writable(descriptor)) continue;
            if (count < 0 && errno != EINTR) return failed("write");
        }
    }
    return 0;
}

/// Blocks the signal now, so that it cannot come too early.
sigset_t hold_back(int signal_number) {
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, signal_number);
    (void)sigprocmask(SIG_BLOCK, &wanted, nullptr); // cannot fail with these arguments
    return wanted;
}

int wait_for(const sigset_t& wanted) {
    return sigwaitinfo(&wanted, nullptr) < 0 ? failed("sigwaitinfo") : 0;
}

} // namespace

int writes(Words words) {
    if (words.size() != 2) return unable;
    return write_pieces(STDOUT_FILENO, number(words[0]), number(words[1]), fill_stdout);
}

int lines(Words words) {
    if (words.size() != 1) return unable;
    return write_pieces(STDOUT_FILENO, test::line_length, number(words[0]), test::fill_lines);
}

int nonblocking(Words words) {
    const int flags = fcntl(STDOUT_FILENO, F_GETFL);
    if (words.size() != 1 || fcntl(STDOUT_FILENO, F_SETFL, flags | O_NONBLOCK) != 0)
        return failed("fcntl");
    return write_pieces(STDOUT_FILENO, 10000, number(words[0]), fill_stdout);
}

int close_early(Words words) {
    if (words.size() != 1) return unable;
    const sigset_t wanted = hold_back(SIGTERM);
    if (const int result = write_pieces(STDOUT_FILENO, 4096, number(words[0]), fill_stdout))
        return result;
    close(STDOUT_FILENO);
    if (const int result = write_pieces(STDERR_FILENO, 4096, number(words[0]), fill_stderr))
        return result;
    return wait_for(wanted);
}

int keep_pipe(Words words) {
    if (words.size() != 1) return unable;
    const pid_t child = fork();
    if (child < 0) return failed("fork");
    if (child == 0) {
        (void)setsid();   // a child of a group leader can always do that
        (void)alarm(120); // for ever, as far as a test is concerned, and no longer
        for (;;)
            pause();
    }
    return write_pieces(STDOUT_FILENO, 4096, number(words[0]), fill_stdout);
}

int die_writing(Words words) {
    if (words.size() != 1) return unable;
    const sigset_t wanted = hold_back(SIGUSR1);
    const pid_t child = fork();
    if (child < 0) return failed("fork");
    if (child == 0)
        _exit(write_pieces(STDOUT_FILENO, number(words[0]), number(words[0]), fill_stdout));
    if (const int result = wait_for(wanted)) return result;
    int status = 0;
    if (kill(child, SIGKILL) != 0 || waitpid(child, &status, 0) != child) return failed("kill");
    return WIFSIGNALED(status) ? 0 : wrong;
}

} // namespace rouse::payload
