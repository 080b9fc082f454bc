#include "tools/lab/guest.hpp"

#include "tools/lab/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace rouse::lab {
namespace {

bool wait_for(int socket, short events, Deadline deadline) {
    pollfd ready{.fd = socket, .events = events, .revents = 0};
    return poll(&ready, 1, deadline.poll_timeout()) > 0;
}

/// Connects a fresh non-blocking socket; nothing when it cannot be done in time.
template <typename Address>
std::optional<Descriptor> connect_to(const Address& address, int family, Deadline deadline) {
    Descriptor socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket.is_open()) return std::nullopt;
    if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
        return socket;
    if (errno != EINPROGRESS || !wait_for(socket.get(), POLLOUT, deadline)) return std::nullopt;
    int error = 0;
    socklen_t size = sizeof error;
    (void)getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size); // stays 0: connected
    if (error != 0) return std::nullopt;
    return socket;
}

bool send_text(int socket, std::string_view text) {
    // The texts of this file fit into any socket buffer, so a short write means a dead peer.
    return send(socket, text.data(), text.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(text.size());
}

/// Reads byte by byte up to and including `end`: what follows belongs to someone else.
std::optional<std::string> read_until(int socket, std::string_view end, Deadline deadline) {
    constexpr std::size_t longest = 16384;
    std::string text;
    while (!text.ends_with(end) && text.size() < longest) {
        if (!wait_for(socket, POLLIN, deadline)) return std::nullopt;
        char byte = 0;
        if (recv(socket, &byte, 1, 0) != 1) return std::nullopt;
        text.push_back(byte);
    }
    return text;
}

std::optional<Descriptor> connect_hybrid(std::string_view path, std::uint32_t port,
                                         Deadline deadline) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        throw LabError(fmt::format("'{}' is too long for a Unix socket", path));
    std::memcpy(address.sun_path, path.data(), path.size());
    auto socket = connect_to(address, AF_UNIX, deadline);
    if (!socket || !send_text(socket->get(), fmt::format("CONNECT {}\n", port)))
        return std::nullopt;
    const auto answer = read_until(socket->get(), "\n", deadline);
    if (!answer || !answer->starts_with("OK ")) return std::nullopt;
    return socket;
}

std::optional<Descriptor> connect_vsock(std::string_view cid, std::uint32_t port,
                                        Deadline deadline) {
    sockaddr_vm address{};
    address.svm_family = AF_VSOCK;
    address.svm_port = port;
    const auto end = cid.data() + cid.size();
    if (std::from_chars(cid.data(), end, address.svm_cid).ptr != end || cid.empty())
        throw LabError(fmt::format("'{}' is not a CID", cid));
    return connect_to(address, AF_VSOCK, deadline);
}

} // namespace

std::optional<Descriptor> connect_guest(std::string_view target, std::uint32_t port,
                                        Deadline deadline) {
    std::optional<Descriptor> socket;
    if (target.starts_with("unix:"))
        socket = connect_hybrid(target.substr(5), port, deadline);
    else if (target.starts_with("vsock:"))
        socket = connect_vsock(target.substr(6), port, deadline);
    else
        throw LabError(fmt::format("'{}' is neither unix:PATH nor vsock:CID", target));
    if (socket) (void)fcntl(socket->get(), F_SETFL, 0); // cannot fail on a socket of ours
    return socket;
}

std::optional<int> parse_status_line(std::string_view head) {
    constexpr std::string_view version = "HTTP/1.1 ";
    if (!head.starts_with(version) || head.size() < version.size() + 3) return std::nullopt;
    int status = 0;
    const char* digits = head.data() + version.size();
    const auto [end, error] = std::from_chars(digits, digits + 3, status);
    if (error != std::errc() || end != digits + 3) return std::nullopt;
    return status;
}

std::optional<int> http_get_status(std::string_view target, std::string_view path,
                                   Deadline deadline) {
    const auto socket = connect_guest(target, exec_port, deadline);
    if (!socket) return std::nullopt;
    const std::string request =
        fmt::format("GET {} HTTP/1.1\r\nHost: guest\r\nConnection: close\r\n\r\n", path);
    if (!send_text(socket->get(), request)) return std::nullopt;
    const auto head = read_until(socket->get(), "\r\n", deadline);
    return head ? parse_status_line(*head) : std::nullopt;
}

} // namespace rouse::lab
