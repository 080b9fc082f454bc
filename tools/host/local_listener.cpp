#include "tools/host/local_listener.hpp"

#include "tools/host/descriptor.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rouse::host {
namespace {

using namespace std::chrono_literals;

constexpr int longest_queue = 128;
constexpr mode_t owner_only = 0600;

error_code system_error() {
    return {errno, boost::system::system_category()};
}

/// Whether a socket file is there on which somebody listens.
bool is_taken(const Endpoint& endpoint) {
    const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    return ::connect(socket.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) == 0 ||
           errno == EAGAIN; // a full backlog
}

/// Binds; a socket file gets its mode before anybody can connect.
error_code bind_to(int socket, const LocalAddress& address) {
    const Endpoint endpoint = address.endpoint();
    const int on = 1;
    // Fails for no stream socket; the port of an earlier run may still linger.
    if (address.kind == LocalAddress::Kind::tcp)
        (void)::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(socket, endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0)
        return system_error();
    if (address.kind == LocalAddress::Kind::unix_socket &&
        ::chmod(address.path.c_str(), owner_only) != 0)
        return system_error();
    return ::listen(socket, longest_queue) == 0 ? error_code() : system_error();
}

std::uint16_t bound_port(int socket) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
    return ntohs(address.sin_port);
}

} // namespace

error_code LocalListener::listen() {
    const bool is_file = address_.kind == LocalAddress::Kind::unix_socket;
    const int family = is_file ? AF_UNIX : AF_INET;
    if (is_file) {
        if (is_taken(address_.endpoint())) return asio::error::address_in_use;
        struct stat status {};
        const bool there = ::lstat(address_.path.c_str(), &status) == 0;
        if (there && !S_ISSOCK(status.st_mode)) return asio::error::already_open;
        if (there && ::unlink(address_.path.c_str()) != 0) return system_error();
    }
    Descriptor socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket.valid()) return system_error();
    if (const error_code error = bind_to(socket.get(), address_); error) return error;
    made_file_ = is_file;
    if (!is_file) address_.port = bound_port(socket.get());
    error_code error;
    (void)acceptor_.assign(asio::generic::stream_protocol(family, 0), socket.get(), error);
    if (!error) (void)socket.release(); // Asio owns it now
    return error;
}

Outcome<LocalListener> LocalListener::open(const Executor& executor, LocalAddress address) {
    LocalListener listener(executor, std::move(address));
    if (const error_code error = listener.listen(); error)
        return Failure(fmt::format("cannot listen on '{}': {}", listener.address_.text(),
                                   error == asio::error::already_open ? "there is another file"
                                                                      : error.message()));
    return listener;
}

LocalListener::LocalListener(LocalListener&& other) noexcept
    : acceptor_(std::move(other.acceptor_)), address_(std::move(other.address_)),
      made_file_(std::exchange(other.made_file_, false)) {}

LocalListener::~LocalListener() {
    if (made_file_) (void)::unlink(address_.path.c_str()); // somebody else may have removed it
}

Awaitable<Outcome<Socket>> LocalListener::accept() {
    Timer pause(acceptor_.get_executor());
    for (;;) {
        auto accepted = co_await acceptor_.async_accept(no_throw);
        auto& [error, socket] = accepted;
        if (!error) {
            close_on_exec(socket.native_handle());
            co_return std::move(socket);
        }
        if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor)
            co_return Failure(error.message());
        pause.expires_after(100ms);
        (void)co_await pause.async_wait(no_throw); // ends early only when everything is cancelled
    }
}

} // namespace rouse::host
