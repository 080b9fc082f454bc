#include "tools/host/address.hpp"

#include <algorithm>
#include <cstddef>

#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace rouse::host {

Endpoint unix_endpoint(std::string_view path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy_n(path.data(), std::min(path.size(), sizeof address.sun_path - 1), address.sun_path);
    return {&address, sizeof address};
}

Endpoint vsock_endpoint(std::uint32_t cid, std::uint32_t port) {
    sockaddr_vm address{};
    address.svm_family = AF_VSOCK;
    address.svm_cid = cid;
    address.svm_port = port;
    return {&address, sizeof address};
}

std::optional<std::uint32_t> peer_cid(Socket& socket) {
    sockaddr_vm address{};
    socklen_t size = sizeof address;
    if (::getpeername(socket.native_handle(), reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
        address.svm_family != AF_VSOCK)
        return std::nullopt;
    return address.svm_cid;
}

void close_on_exec(int fd) {
    (void)::fcntl(fd, F_SETFD, FD_CLOEXEC); // fails only on a closed descriptor
}

} // namespace rouse::host
