#include "agent/sys/console.hpp"

#include "agent/sys/descriptor.hpp"

#include <algorithm>
#include <string>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace rouse::sys {

namespace {

constexpr std::size_t longest_line = 1024;
/// A record of the kernel's log holds little less; what is longer is refused as a whole. Source:
/// Linux, kernel/printk/printk.c, LOG_LINE_MAX.
constexpr std::size_t longest_record = 900;
/// An error, whose line is shown by a kernel that was told to be quiet.
constexpr std::string_view record_level = "<3>";

} // namespace

Result<> occupy_stdio() {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        if (::fcntl(fd, F_GETFD) >= 0) continue;
        // open() takes the lowest free number, which is this one. Not close-on-exec: these are
        // stdin, stdout and stderr.
        int opened = ::open("/dev/null", O_RDWR);                   // NOLINT(android-cloexec-open)
        if (opened < 0) opened = ::open("/", O_PATH | O_DIRECTORY); // NOLINT(android-cloexec-open)
        if (opened < 0) return last_error();
    }
    return {};
}

Result<Console> Console::open() {
    Result<UniqueFd> fd = open_file("/dev/console", O_WRONLY | O_NOCTTY | O_NONBLOCK);
    if (!fd) return open_kernel_log();
    return Console(std::move(*fd));
}

Result<Console> Console::open_kernel_log() {
    Result<UniqueFd> fd = open_file("/dev/kmsg", O_WRONLY | O_NONBLOCK);
    if (!fd) return fd.error();
    Console console(std::move(*fd));
    console.is_kernel_log_ = true;
    return console;
}

Result<Console> Console::open_stderr() {
    Result<UniqueFd> fd = open_file("/proc/self/fd/2", O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK);
    if (!fd) return fd.error();
    return Console(std::move(*fd));
}

void Console::write_line(std::string_view line) {
    const std::size_t longest = is_kernel_log_ ? longest_record : longest_line;
    std::string text(is_kernel_log_ ? record_level : in_a_line_ ? "\n" : "");
    text += line.substr(0, longest);
    text += '\n';
    const Result<Moved> moved = write_some(fd_.get(), text);
    const std::size_t written = moved ? moved->bytes : 0;
    if (written < text.size() || line.size() > longest) ++dropped_;
    if (written > 0 && !is_kernel_log_) in_a_line_ = written < text.size();
}

std::size_t Console::unsent() const {
    int count = 0;
    if (::ioctl(fd_.get(), TIOCOUTQ, &count) < 0 || count < 0) return 0;
    return static_cast<std::size_t>(count);
}

std::size_t Console::write_bytes(std::string_view bytes) {
    if (is_kernel_log_) return 0;
    const Result<Moved> moved = write_some(fd_.get(), bytes);
    const std::size_t written = moved ? moved->bytes : 0;
    if (written > 0) in_a_line_ = bytes[written - 1] != '\n';
    return written;
}

} // namespace rouse::sys
