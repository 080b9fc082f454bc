#include "tests/support/command.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <deque>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace rouse::test {
namespace {

lab::Descriptor anonymous_file() {
    lab::Descriptor file(memfd_create("output", MFD_CLOEXEC));
    // Several processes write to it. The kernel does not lock the offset of such a file, so that of
    // two writes at once one would be lost; an appending one holds the lock of the file.
    if (!file.is_open() || fcntl(file.get(), F_SETFL, O_APPEND) != 0)
        throw std::system_error(errno, std::generic_category(), "memfd_create");
    return file;
}

std::string content(const lab::Descriptor& file) {
    std::string text;
    std::array<char, 65536> buffer{};
    for (;;) {
        // The writer shares the offset with us: reading must not move it.
        const ssize_t count =
            pread(file.get(), buffer.data(), buffer.size(), static_cast<off_t>(text.size()));
        if (count <= 0) return text;
        text.append(buffer.data(), static_cast<std::size_t>(count));
    }
}

lab::Process start(std::vector<std::string> argv, Environment environment, int output, int error) {
    lab::ProcessOptions options;
    options.argv = std::move(argv);
    options.environment = std::move(environment);
    options.standard_output = output;
    options.standard_error = error;
    return lab::Process::start(options);
}

} // namespace

Command::Command(std::vector<std::string> argv, Environment environment)
    : name_(fmt::format("{}", fmt::join(argv, " "))), output_(anonymous_file()),
      error_(anonymous_file()),
      process_(start(std::move(argv), std::move(environment), output_.get(), error_.get())) {}

std::string Command::output() const {
    return content(output_);
}

std::string Command::error() const {
    return content(error_);
}

Said Command::finish(std::chrono::milliseconds limit) {
    const auto status = process_.wait(lab::Deadline(limit));
    if (!status)
        throw std::runtime_error(fmt::format("'{}' does not end within {} ms; it said: {}{}", name_,
                                             limit.count(), output(), error()));
    return {.status = status->shell_code(), .output = output(), .error = error()};
}

Said run_command(std::vector<std::string> argv, std::chrono::milliseconds limit,
                 Environment environment) {
    return Command(std::move(argv), std::move(environment)).finish(limit);
}

std::vector<Said> run_commands(const std::vector<std::vector<std::string>>& commands,
                               std::size_t width, std::chrono::milliseconds limit) {
    std::vector<Said> said;
    std::deque<Command> running;
    for (const auto& argv : commands) {
        if (running.size() == width) {
            said.push_back(running.front().finish(limit));
            running.pop_front();
        }
        running.emplace_back(argv);
    }
    for (Command& command : running)
        said.push_back(command.finish(limit));
    return said;
}

} // namespace rouse::test
