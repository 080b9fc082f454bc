#pragma once
// Listens where a guest dials: `PATH_PORT` beside a Unix socket, or a port of AF_VSOCK.

#include "tools/host/address.hpp"
#include "tools/host/target.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>

#include <optional>

namespace rouse::host {

class Listener {
public:
    /// A connection, and who made it: the CID on AF_VSOCK, nothing on Unix sockets.
    struct Accepted {
        Socket socket;
        std::optional<std::uint32_t> cid;
    };

    /// Says who made a connection.
    using Identify = std::optional<std::uint32_t> (*)(Socket& socket);

    /// Removes a socket file that nobody listens on. Fails, with the address in the message, when
    /// somebody does, and when the kernel refuses. On AF_VSOCK every CID is accepted.
    static Outcome<Listener> open(const Executor& executor, const Target& target,
                                  std::uint32_t port, Identify identify = peer_cid);

    Listener(Listener&& other) noexcept;
    Listener& operator=(Listener&&) = delete;
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    /// Removes the socket file.
    ~Listener();

    /// The next connection. Fails when the listener is closed or cancelled; waits and tries again
    /// where the kernel lacks resources for the moment.
    Awaitable<Outcome<Accepted>> accept();

    /// Ends what waits for a connection.
    void close();

private:
    using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol>;

    Listener(const Executor& executor, std::string path, Identify identify)
        : acceptor_(executor), path_(std::move(path)), identify_(identify) {}

    Acceptor acceptor_;
    std::string path_; ///< of the socket file; empty on AF_VSOCK
    Identify identify_;
};

} // namespace rouse::host
