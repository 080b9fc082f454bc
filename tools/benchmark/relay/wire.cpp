#include "tools/benchmark/relay/wire.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace rouse::bench {
namespace {

[[noreturn]] void fail(std::string_view what) {
    throw std::runtime_error(fmt::format("{}: {}", what, std::strerror(errno)));
}

} // namespace

lab::Descriptor listen_at(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = path.string();
    if (name.size() >= sizeof address.sun_path)
        throw std::runtime_error(fmt::format("'{}' is too long for a Unix socket", name));
    std::memcpy(address.sun_path, name.c_str(), name.size());
    lab::Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket.is_open() ||
        bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(socket.get(), 16) != 0)
        fail(name);
    return socket;
}

lab::Descriptor accept(const lab::Descriptor& listener, lab::Deadline deadline) {
    if (!wait_readable(listener.get(), deadline))
        throw std::runtime_error("nobody connected in time");
    lab::Descriptor connection(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection.is_open()) fail("accept");
    return connection;
}

bool wait_readable(int socket, lab::Deadline until) {
    pollfd entry{.fd = socket, .events = POLLIN, .revents = 0};
    return poll(&entry, 1, until.poll_timeout()) > 0;
}

std::string_view receive(int socket, std::string& buffer, lab::Deadline deadline) {
    if (!wait_readable(socket, deadline)) throw std::runtime_error("nothing came in time");
    const ssize_t count = recv(socket, buffer.data(), buffer.size(), 0);
    if (count < 0) fail("recv");
    if (count == 0) throw std::runtime_error("the connection ended");
    return {buffer.data(), static_cast<std::size_t>(count)};
}

void send_all(int socket, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t count = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count < 0 && errno != EINTR) fail("send");
        if (count > 0) bytes.remove_prefix(static_cast<std::size_t>(count));
    }
}

std::string read_line(int socket, lab::Deadline deadline) {
    std::string line;
    std::string byte(1, '\0');
    while (receive(socket, byte, deadline) != "\n")
        line += byte;
    return line;
}

} // namespace rouse::bench
