// A process that another one traces. Its end is its tracer's news first, and only then its
// parent's (ptrace(2), "Death under ptrace").
#include "tests/payload/verbs.hpp"

#include <array>
#include <cstdio>

#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rouse::payload {
namespace {

/// Traces its parent, says so to the pipe, and takes note of its end when stdin ends.
[[noreturn]] void trace(pid_t traced, int ready) {
    const char byte = ptrace(PTRACE_SEIZE, traced, nullptr, nullptr) == 0 ? 'y' : 'n';
    if (write(ready, &byte, 1) != 1) _exit(unable);
    std::array<char, 64> unread{};
    while (read(STDIN_FILENO, unread.data(), unread.size()) > 0) {
    }
    int status = 0;
    _exit(waitpid(traced, &status, __WALL) == traced ? 0 : unable);
}

} // namespace

int traced(Words words) {
    std::array<int, 2> ready{};
    if (words.size() != 1 || pipe2(ready.data(), O_CLOEXEC) != 0) return failed("pipe2");
    const pid_t self = getpid();
    const pid_t tracer = fork();
    if (tracer < 0) return failed("fork");
    if (tracer == 0) trace(self, ready[1]);
    char answer = 0;
    if (read(ready[0], &answer, 1) != 1 || answer != 'y') return failed("ptrace");
    std::printf("traced\n");
    return static_cast<int>(number(words[0]));
}

} // namespace rouse::payload
