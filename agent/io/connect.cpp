#include "agent/io/connect.hpp"

#include "agent/io/race.hpp"
#include "agent/sys/random.hpp"
#include "agent/sys/unique_fd.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include <linux/vm_sockets.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace rouse::io {

namespace {

/// The kernel's own deadline, 2 s unless told, is as long as ours; ours ends the wait first.
void set_connect_timeout(int fd, std::chrono::milliseconds deadline) {
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(deadline);
    const timeval timeout{
        .tv_sec = whole.count(),
        .tv_usec = std::chrono::duration_cast<std::chrono::microseconds>(deadline - whole).count()};
    // Kernels that do not know the option keep their default.
    (void)::setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD, &timeout, sizeof timeout);
}

sys::Result<sys::UniqueFd> make_socket(int family, std::chrono::milliseconds deadline) {
    sys::UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.valid()) return sys::last_error();
    if (family == AF_VSOCK) {
        bind_privileged_port(fd.get());
        set_connect_timeout(fd.get(), deadline);
    }
    return fd;
}

error_code pending_error(int fd) {
    int number = 0;
    socklen_t size = sizeof number;
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size) != 0) return sys::last_error();
    return number == 0 ? error_code() : sys::error_from(number);
}

} // namespace

/// The start is random, since clones of one snapshot would otherwise agree on their ports, and a
/// port pair that the host still remembers is answered with a reset.
void bind_privileged_port(int fd) {
    constexpr unsigned highest = 999; // The agent's own port and its neighbours lie above.
    constexpr unsigned range = 400;
    constexpr unsigned tries = 16;
    std::array<std::uint8_t, 2> random{};
    (void)sys::fill_random(random); // zeros will do on a kernel that cannot
    const unsigned start = random[0] * 256U + random[1];
    for (unsigned i = 0; i < tries; ++i) {
        const Address local = VsockAddress{VMADDR_CID_ANY, highest - (start + i) % range};
        const std::optional<SocketAddress> native = to_socket_address(local);
        if (::bind(fd, native->get(), native->size) == 0 || errno != EADDRINUSE) return;
    }
}

Awaitable<error_code> await_connection(Socket& socket) {
    auto waited = co_await socket.async_wait(Socket::wait_write, no_throw);
    const auto& [error] = waited;
    if (error) co_return error;
    co_return pending_error(socket.native_handle());
}

Awaitable<sys::Result<Socket>> connect(Executor executor, Address address,
                                       std::chrono::milliseconds deadline) {
    const std::optional<SocketAddress> native = to_socket_address(address);
    if (!native) co_return sys::error_from(EINVAL);
    sys::Result<sys::UniqueFd> fd = make_socket(native->family(), deadline);
    if (!fd) co_return fd.error();
    const bool done = ::connect(fd->get(), native->get(), native->size) == 0;
    if (!done && errno != EINPROGRESS && errno != EINTR) co_return sys::last_error();

    Socket socket(executor);
    error_code assigned;
    socket.assign(asio::generic::stream_protocol(native->family(), 0), fd->get(), assigned);
    if (assigned) co_return assigned;
    (void)fd->release(); // The socket owns it now.
    if (!done) {
        Awaitable<std::optional<error_code>> waiting =
            with_deadline(await_connection(socket), deadline);
        const std::optional<error_code> outcome = co_await std::move(waiting);
        if (!outcome) co_return sys::error_from(ETIMEDOUT);
        if (*outcome) co_return *outcome;
    }
    co_return std::move(socket);
}

} // namespace rouse::io
