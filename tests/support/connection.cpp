#include "tests/support/connection.hpp"

#include "tools/lab/deadline.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include <poll.h>
#include <sys/socket.h>

namespace rouse::test {
namespace {

/// Whether the socket got ready before the deadline.
bool ready(int socket, short events, lab::Deadline deadline) {
    pollfd entry{.fd = socket, .events = events, .revents = 0};
    int count = -1;
    do
        count = poll(&entry, 1, deadline.poll_timeout());
    while (count < 0 && errno == EINTR);
    return count > 0;
}

bool is_end(int error) {
    return error == EPIPE || error == ECONNRESET || error == ENOTCONN;
}

[[noreturn]] void fail(const char* what) {
    throw std::runtime_error(fmt::format("{}: {}", what, std::strerror(errno)));
}

} // namespace

bool Connection::send(std::string_view bytes, std::chrono::milliseconds limit) {
    const lab::Deadline deadline(limit);
    while (!bytes.empty()) {
        if (!ready(socket_.get(), POLLOUT, deadline))
            throw std::runtime_error(fmt::format("the peer took no bytes for {}", limit.count()));
        const ssize_t count =
            ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count >= 0)
            bytes.remove_prefix(static_cast<std::size_t>(count));
        else if (is_end(errno))
            return false;
        else if (errno != EAGAIN && errno != EINTR)
            fail("send");
    }
    return true;
}

std::optional<std::string> Connection::receive(std::chrono::milliseconds limit) {
    const lab::Deadline deadline(limit);
    std::array<char, 65536> buffer{};
    for (;;) {
        if (!ready(socket_.get(), POLLIN, deadline))
            throw std::runtime_error(fmt::format("nothing came within {} ms", limit.count()));
        const ssize_t count = recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (count > 0) return std::string(buffer.data(), static_cast<std::size_t>(count));
        if (count == 0 || is_end(errno)) return std::nullopt;
        if (errno != EAGAIN && errno != EINTR) fail("recv");
    }
}

bool Connection::ends_within(std::chrono::milliseconds limit) {
    const lab::Deadline deadline(limit);
    try {
        while (receive(deadline.left())) {
        }
    } catch (const std::runtime_error&) {
        return false;
    }
    return true;
}

} // namespace rouse::test
