#include "tools/host/input.hpp"

#include <sys/epoll.h>
#include <unistd.h>

namespace rouse::host {

Input::Input(const Executor& executor, int fd) : fd_(fd), epoll_(executor) {
    Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
    epoll_event event{};
    event.events = EPOLLIN;
    if (!epoll.valid() || ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0) return;
    error_code error;
    epoll_.assign(epoll.get(), error);
    if (error) return;
    (void)epoll.release(); // Asio owns it now
    watched_ = true;
}

Awaitable<std::string> Input::read(std::size_t limit) {
    std::string bytes(limit, '\0');
    if (watched_) {
        auto ready =
            co_await epoll_.async_wait(asio::posix::stream_descriptor::wait_read, no_throw);
        if (std::get<0>(ready)) co_return std::string();
    }
    ssize_t count = -1;
    do {
        count = ::read(fd_, bytes.data(), bytes.size());
    } while (count < 0 && errno == EINTR);
    bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    co_return bytes;
}

} // namespace rouse::host
