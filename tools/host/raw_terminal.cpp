#include "tools/host/raw_terminal.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

namespace rouse::host {
namespace {

/// Also where we are in the background: the kernel would stop us for it (tcsetattr(3), SIGTTOU).
/// TCSADRAIN would wait for a terminal that nobody reads any more.
int set_terminal(int fd, const termios& mode) {
    sigset_t quiet;
    sigset_t before;
    (void)::sigemptyset(&quiet); // these four cannot fail for a signal that exists
    (void)::sigaddset(&quiet, SIGTTOU);
    (void)::sigprocmask(SIG_BLOCK, &quiet, &before);
    int result = -1;
    do {
        result = ::tcsetattr(fd, TCSANOW, &mode);
    } while (result != 0 && errno == EINTR);
    const int error = errno;
    (void)::sigprocmask(SIG_SETMASK, &before, nullptr);
    errno = error;
    return result;
}

} // namespace

Outcome<RawTerminal> RawTerminal::open(int fd) {
    termios before{};
    if (::tcgetattr(fd, &before) != 0)
        return Failure(fmt::format("cannot read the terminal's mode: {}", std::strerror(errno)));
    termios raw = before;
    ::cfmakeraw(&raw);
    if (set_terminal(fd, raw) != 0)
        return Failure(fmt::format("cannot set the terminal's mode: {}", std::strerror(errno)));
    return RawTerminal(fd, before);
}

RawTerminal::RawTerminal(RawTerminal&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), before_(other.before_) {}

void RawTerminal::restore() {
    if (fd_ < 0) return;
    (void)set_terminal(std::exchange(fd_, -1), before_); // a terminal that is gone needs nothing
}

bool is_terminal(int fd) {
    return ::isatty(fd) == 1;
}

std::optional<proto::TerminalSize> terminal_size(int fd) {
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) != 0) return std::nullopt;
    if (size.ws_row == 0 || size.ws_col == 0) return std::nullopt;
    return proto::TerminalSize{.rows = size.ws_row, .columns = size.ws_col};
}

} // namespace rouse::host
