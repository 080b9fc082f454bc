#include "agent/io/listening_socket.hpp"

#include <optional>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rouse::io {

namespace {

sys::Result<sys::UniqueFd> make_socket(int family) {
    sys::UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.valid()) return sys::last_error();
    return fd;
}

/// Whether a socket file is left over from a process that is gone. Connecting is the only test that
/// the kernel offers (unix(7)).
bool nobody_listens(const SocketAddress& address) {
    const sys::Result<sys::UniqueFd> probe = make_socket(AF_UNIX);
    return probe && ::connect(probe->get(), address.get(), address.size) != 0 &&
           errno == ECONNREFUSED;
}

sys::Result<> bind_unix(int fd, const SocketAddress& address, const std::string& path) {
    // The file inherits the socket's mode: there is no moment in which others could connect.
    if (::fchmod(fd, S_IRUSR | S_IWUSR) != 0) return sys::last_error();
    if (::bind(fd, address.get(), address.size) == 0) return {};
    if (errno != EADDRINUSE) return sys::last_error();
    if (!nobody_listens(address)) return sys::error_from(EADDRINUSE);
    if (::unlink(path.c_str()) != 0) return sys::last_error();
    if (::bind(fd, address.get(), address.size) != 0) return sys::last_error();
    return {};
}

} // namespace

sys::Result<sys::UniqueFd> make_listening_socket(const Address& address) {
    // There is no queue of half-open connections on vsock: what the backlog does not hold is reset.
    constexpr int backlog = 1024;
    const std::optional<SocketAddress> native = to_socket_address(address);
    if (!native) return sys::error_from(EINVAL);
    sys::Result<sys::UniqueFd> fd = make_socket(native->family());
    if (!fd) return fd;
    if (const auto* path = std::get_if<UnixAddress>(&address)) {
        const sys::Result<> bound = bind_unix(fd->get(), *native, path->path);
        if (!bound) return bound.error();
    } else if (::bind(fd->get(), native->get(), native->size) != 0) {
        return sys::last_error();
    }
    if (::listen(fd->get(), backlog) != 0) return sys::last_error();
    return fd;
}

} // namespace rouse::io
