#include "agent/io/peer.hpp"

#include "agent/sys/defence.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include <linux/vm_sockets.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace rouse::io {

namespace {

std::optional<ucred> credentials(int fd) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
    return peer;
}

sockaddr_vm vsock_peer(const SocketAddress& peer) {
    sockaddr_vm native{};
    std::memcpy(&native, &peer.storage, sizeof native);
    return native;
}

} // namespace

bool is_served(int fd, const SocketAddress& peer) {
    if (peer.family() == AF_VSOCK)
        return vsock_peer(peer).svm_cid == VMADDR_CID_HOST || sys::is_off(sys::Defence::peer_cid);
    if (peer.family() != AF_UNIX) return false;
    const std::optional<ucred> user = credentials(fd);
    return user && (user->uid == 0 || user->uid == ::geteuid());
}

std::string describe_peer(int fd, const SocketAddress& peer) {
    if (peer.family() == AF_VSOCK) {
        const sockaddr_vm native = vsock_peer(peer);
        return to_text(VsockAddress{native.svm_cid, native.svm_port});
    }
    const std::optional<ucred> user = credentials(fd);
    if (!user) return "unix";
    return fmt::format("unix pid {} uid {}", user->pid, user->uid);
}

std::string describe_peer(int fd) {
    SocketAddress peer;
    peer.size = sizeof peer.storage;
    auto* const native = reinterpret_cast<sockaddr*>(&peer.storage);
    if (::getpeername(fd, native, &peer.size) != 0) return "gone";
    return describe_peer(fd, peer);
}

bool is_alive(int fd) {
    pollfd asked{.fd = fd, .events = POLLIN, .revents = 0};
    if (::poll(&asked, 1, 0) < 0) return false;
    if ((asked.revents & (POLLERR | POLLNVAL)) != 0) return false;
    char byte = 0;
    const ssize_t got = ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

} // namespace rouse::io
