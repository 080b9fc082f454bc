#include "initramfs/command.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rouse::initramfs {
namespace {

/// The file that runs for `name`. modprobe lives in a directory that users often lack in PATH.
std::string program_path(const std::string& name) {
    for (const std::string_view directory : {"/usr/sbin", "/sbin", "/usr/bin", "/bin"}) {
        std::string path = fmt::format("{}/{}", directory, name);
        if (access(path.c_str(), X_OK) == 0) return path;
    }
    return name;
}

std::string read_all(int descriptor) {
    std::string text;
    std::array<char, 65536> buffer{};
    for (;;) {
        const ssize_t count = read(descriptor, buffer.data(), buffer.size());
        if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
        if (count == 0 || (count < 0 && errno != EINTR)) return text;
    }
}

pid_t start(const std::vector<std::string>& argv, int output) {
    std::vector<char*> arguments;
    arguments.reserve(argv.size() + 1);
    // posix_spawn takes pointers that are not const, but does not write through them.
    for (const auto& argument : argv)
        arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    pid_t pid = -1;
    const std::string program =
        argv.front().find('/') == std::string::npos ? program_path(argv.front()) : argv.front();
    const int error =
        posix_spawnp(&pid, program.c_str(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0)
        throw std::runtime_error(fmt::format("cannot run '{}': {}", argv[0], strerror(error)));
    return pid;
}

} // namespace

std::string command_output(const std::vector<std::string>& argv) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        throw std::runtime_error(fmt::format("cannot make a pipe: {}", strerror(errno)));
    pid_t pid = -1;
    try {
        pid = start(argv, ends[1]);
    } catch (...) {
        close(ends[0]);
        close(ends[1]);
        throw;
    }
    close(ends[1]);
    std::string output = read_all(ends[0]);
    close(ends[0]);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        throw std::runtime_error(fmt::format("'{}' failed", fmt::join(argv, " ")));
    return output;
}

} // namespace rouse::initramfs
