#include "tools/host/output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rouse::host {

Output::Kind Output::open_again(int fd, Descriptor& own) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return Kind::plain;
    if (S_ISSOCK(status.st_mode)) return Kind::socket;
    if (!S_ISFIFO(status.st_mode) && !S_ISCHR(status.st_mode)) return Kind::plain;
    // A terminal that belongs to somebody else refuses: su leaves us with one.
    own.reset(::open(fmt::format("/proc/self/fd/{}", fd).c_str(),
                     O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    return own.valid() ? Kind::reopened : Kind::careful;
}

Output::Output(const Executor& executor, int fd)
    : kind_(open_again(fd, own_)), fd_(own_.valid() ? own_.get() : fd), epoll_(executor) {
    Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
    epoll_event event{};
    event.events = EPOLLOUT;
    if (!epoll.valid() || ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd_, &event) != 0) return;
    error_code error;
    (void)epoll_.assign(epoll.get(), error);
    if (!error) (void)epoll.release(); // Asio owns it now
}

ssize_t Output::write_some(std::string_view bytes) const {
    if (kind_ == Kind::socket)
        return ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (kind_ != Kind::careful) return ::write(fd_, bytes.data(), bytes.size());
    pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
    if (::poll(&ready, 1, 0) == 0) {
        errno = EAGAIN;
        return -1;
    }
    // A pipe that poll() calls writable takes this much without blocking (pipe(7)).
    return ::write(fd_, bytes.data(), std::min<std::size_t>(bytes.size(), PIPE_BUF));
}

std::size_t Output::write_now(std::string_view bytes) {
    std::size_t written = 0;
    while (!closed_ && written < bytes.size()) {
        const ssize_t count = write_some(bytes.substr(written));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) break;
        written += static_cast<std::size_t>(count);
    }
    return written;
}

Awaitable<bool> Output::write(std::string_view bytes) {
    for (;;) {
        errno = 0;
        bytes.remove_prefix(write_now(bytes));
        if (bytes.empty()) co_return true;
        if (closed_ || errno != EAGAIN || !epoll_.is_open()) co_return false;
        auto ready =
            co_await epoll_.async_wait(asio::posix::stream_descriptor::wait_read, no_throw);
        if (std::get<0>(ready)) co_return false;
    }
}

void Output::close() {
    error_code ignored; // the descriptor is gone either way
    closed_ = true;
    (void)epoll_.close(ignored);
}

} // namespace rouse::host
