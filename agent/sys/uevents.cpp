#include "agent/sys/uevents.hpp"

#include "proto/text.hpp"

#include <algorithm>
#include <array>

#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

namespace rouse::sys {

namespace {

constexpr unsigned kernel_group = 1;
/// Longer than any event: the kernel's buffer has 2 KiB. Source: linux/kobject.h,
/// UEVENT_BUFFER_SIZE.
constexpr std::size_t message_limit = 8192;
/// A machine that starts makes hundreds of events at once.
constexpr int buffer_bytes = 1024 * 1024;

/// One message; nothing when it was not the kernel's or there is none.
Result<std::optional<Uevent>> receive(int socket) {
    std::array<char, message_limit> buffer{};
    sockaddr_nl sender{};
    iovec piece{.iov_base = buffer.data(), .iov_len = buffer.size()};
    msghdr message{};
    message.msg_name = &sender;
    message.msg_namelen = sizeof sender;
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    const ssize_t count = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (count < 0) {
        if (errno == EAGAIN || errno == EINTR) return std::optional<Uevent>();
        return last_error();
    }
    // Processes may send to the group, too, if they are privileged; only the kernel has port 0.
    if (sender.nl_pid != 0) return std::optional<Uevent>();
    return parse_uevent({buffer.data(), static_cast<std::size_t>(count)});
}

} // namespace

std::string_view Uevent::value(std::string_view name) const {
    const auto found = values.find(name);
    return found == values.end() ? std::string_view() : std::string_view(found->second);
}

std::optional<Uevent> parse_uevent(std::string_view message) {
    const std::string_view head = proto::split_off(message, '\0');
    const std::size_t at = head.find('@');
    if (at == 0 || at == std::string_view::npos) return std::nullopt;
    Uevent event{.action = std::string(head.substr(0, at)),
                 .path = std::string(head.substr(at + 1)),
                 .values = {}};
    while (!message.empty()) {
        std::string_view line = proto::split_off(message, '\0');
        if (line.find('=') == std::string_view::npos) continue;
        const std::string_view name = proto::split_off(line, '=');
        event.values.insert_or_assign(std::string(name), std::string(line));
    }
    return event;
}

Result<UeventSocket> UeventSocket::open() {
    UniqueFd socket(
        ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT));
    if (!socket.valid()) return last_error();
    // Who may not have that much gets less, and hears that events were lost.
    if (::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes) <
        0)
        (void)::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = kernel_group;
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
        return last_error();
    return UeventSocket(std::move(socket));
}

Result<std::optional<Uevent>> UeventSocket::next(std::chrono::steady_clock::time_point deadline) {
    for (;;) {
        Result<std::optional<Uevent>> event = receive(socket_.get());
        if (!event || event->has_value()) return event;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0) return std::optional<Uevent>();
        pollfd readable{.fd = socket_.get(), .events = POLLIN, .revents = 0};
        if (::poll(&readable, 1, static_cast<int>(left.count())) < 0 && errno != EINTR)
            return last_error();
    }
}

} // namespace rouse::sys
