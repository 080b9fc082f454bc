#include "tools/host/listener.hpp"

#include "tools/host/descriptor.hpp"

#include <fmt/format.h>

#include <cerrno>

#include <sys/socket.h>
#include <unistd.h>

namespace rouse::host {
namespace {

using namespace std::chrono_literals;

constexpr int backlog = 128;
constexpr auto resource_pause = 100ms;

std::string address_text(const Target& target, std::uint32_t port) {
    if (target.kind == Target::Kind::vsock) return fmt::format("vsock port {}", port);
    return fmt::format("'{}_{}'", target.path, port);
}

error_code last_error() {
    return {errno, boost::system::system_category()};
}

/// Whether a socket file is there on which somebody listens.
bool somebody_listens(const Endpoint& endpoint) {
    const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    return ::connect(socket.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) == 0 ||
           errno == EAGAIN; // a full backlog
}

error_code bind_and_listen(int socket, const Endpoint& endpoint) {
    if (::bind(socket, endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0 ||
        ::listen(socket, backlog) != 0)
        return last_error();
    return {};
}

} // namespace

Outcome<Listener> Listener::open(const Executor& executor, const Target& target, std::uint32_t port,
                                 Identify identify) {
    const bool vsock = target.kind == Target::Kind::vsock;
    std::string path = vsock ? std::string() : fmt::format("{}_{}", target.path, port);
    const Endpoint endpoint = vsock ? vsock_endpoint(UINT32_MAX, port) : unix_endpoint(path);
    const int family = endpoint.protocol().family();
    const auto failure = [&](std::string_view reason) {
        return Failure(fmt::format("cannot listen on {}: {}", address_text(target, port), reason));
    };
    if (!vsock) {
        if (somebody_listens(endpoint)) return failure("somebody else already does");
        if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failure(last_error().message());
    }
    Descriptor socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket.valid()) return failure(last_error().message());
    if (const error_code error = bind_and_listen(socket.get(), endpoint); error)
        return failure(error.message());
    Listener listener(executor, std::move(path), identify);
    error_code error;
    listener.acceptor_.assign(asio::generic::stream_protocol(family, 0), socket.get(), error);
    if (error) return failure(error.message());
    (void)socket.release(); // the acceptor owns it now
    return listener;
}

Listener::Listener(Listener&& other) noexcept
    : acceptor_(std::move(other.acceptor_)), path_(std::exchange(other.path_, {})),
      identify_(other.identify_) {}

Listener::~Listener() {
    if (!path_.empty()) (void)::unlink(path_.c_str()); // somebody may have removed it before us
}

void Listener::close() {
    error_code ignored; // the descriptor is gone either way
    (void)acceptor_.close(ignored);
}

Awaitable<Outcome<Listener::Accepted>> Listener::accept() {
    Timer pause(acceptor_.get_executor());
    for (;;) {
        auto done = co_await acceptor_.async_accept(no_throw);
        const error_code error = std::get<0>(done);
        if (!error) {
            Accepted accepted{std::move(std::get<1>(done)), std::nullopt};
            close_on_exec(accepted.socket.native_handle());
            accepted.cid = identify_(accepted.socket);
            co_return std::move(accepted);
        }
        if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor)
            co_return Failure(error.message());
        pause.expires_after(resource_pause);
        (void)co_await pause.async_wait(no_throw); // ends early only when cancelled
    }
}

} // namespace rouse::host
