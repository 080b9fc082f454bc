// Processes that end all at once: they wait for the end of one pipe, whose only writer closes it.
#include "tests/payload/verbs.hpp"

#include <array>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rouse::payload {
namespace {

/// How the child or orphan with this number ends: every exit code comes up, and two signals.
struct End {
    int code;
    int signal; // 0: by the code
};

End end_of(unsigned long long index) {
    constexpr std::array signals = {SIGKILL, SIGTERM};
    if (index % 10 == 9) return {0, signals[(index / 10) % signals.size()]};
    return {static_cast<int>(index % 256), 0};
}

[[noreturn]] void end_like(End end) {
    if (end.signal != 0) (void)kill(getpid(), end.signal); // ends us
    _exit(end.code);
}

/// Returns when every copy of the pipe's other end is closed.
void wait_for_end(int pipe_end) {
    char byte = 0;
    while (read(pipe_end, &byte, 1) < 0 && errno == EINTR) {
    }
}

/// Forks a process that ends like number `index` when the pipe's writing end closes; -1: errno.
pid_t fork_waiting(const std::array<int, 2>& gate, unsigned long long index) {
    const pid_t child = fork();
    if (child != 0) return child;
    close(gate[1]);
    wait_for_end(gate[0]);
    end_like(end_of(index));
}

bool ended_like(int status, End end) {
    if (end.signal != 0) return WIFSIGNALED(status) && WTERMSIG(status) == end.signal;
    return WIFEXITED(status) && WEXITSTATUS(status) == end.code;
}

/// The third field of /proc/PID/stat, behind the name, which may contain anything.
bool is_zombie(const char* pid) {
    std::array<char, 512> text{};
    (void)std::snprintf(text.data(), text.size(), "/proc/%s/stat", pid); // a pid is short
    const int file = open(text.data(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return false; // it is gone: no zombie
    const ssize_t count = read(file, text.data(), text.size());
    close(file);
    const std::string_view stat(text.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
    const auto name_end = stat.rfind(')');
    return name_end != std::string_view::npos && stat.substr(name_end + 1).starts_with(" Z");
}

} // namespace

int orphans(Words words) {
    std::array<int, 2> gate{};
    if (words.size() != 1 || pipe2(gate.data(), O_CLOEXEC) != 0) return failed("pipe2");
    const unsigned long long wanted = number(words[0]);
    // The parent of them all ends first, so that the gate opens for orphans, not for children.
    const pid_t parent = fork();
    if (parent < 0) return failed("fork");
    if (parent == 0) {
        for (unsigned long long index = 0; index < wanted; ++index)
            if (fork_waiting(gate, index) < 0) _exit(failed("fork"));
        _exit(0);
    }
    int status = 0;
    if (waitpid(parent, &status, 0) != parent) return failed("waitpid");
    std::printf("%llu orphans\n", wanted);
    return WIFEXITED(status) ? WEXITSTATUS(status) : unable;
}

int children(Words words) {
    std::array<int, 2> gate{};
    if (words.size() != 1 || pipe2(gate.data(), O_CLOEXEC) != 0) return failed("pipe2");
    std::vector<pid_t> family;
    for (unsigned long long index = 0; index < number(words[0]); ++index) {
        family.push_back(fork_waiting(gate, index));
        if (family.back() < 0) return failed("fork");
    }
    close(gate[1]);
    std::size_t right = 0;
    for (std::size_t index = 0; index < family.size(); ++index) {
        int status = 0;
        if (waitpid(family[index], &status, 0) != family[index]) return failed("waitpid");
        if (ended_like(status, end_of(index))) ++right;
    }
    std::printf("%zu of %zu statuses are right\n", right, family.size());
    return right == family.size() ? 0 : wrong;
}

int zombies(Words words) {
    DIR* processes = opendir("/proc");
    if (!words.empty() || processes == nullptr) return failed("/proc");
    unsigned found = 0;
    while (const dirent* entry = readdir(processes))
        if (std::isdigit(static_cast<unsigned char>(entry->d_name[0])) != 0)
            found += is_zombie(entry->d_name) ? 1U : 0U;
    closedir(processes);
    std::printf("%u\n", found);
    return 0;
}

} // namespace rouse::payload
