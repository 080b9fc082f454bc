#pragma once
// Listens on a loopback port or a Unix socket of this machine.

#include "tools/host/local_address.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>

namespace rouse::host {

class LocalListener {
public:
    /// A socket file is for its owner only (mode 0600); one that nobody listens on is replaced.
    /// Fails, with the address in the message, when somebody listens, or the kernel refuses.
    static Outcome<LocalListener> open(const Executor& executor, LocalAddress address);

    LocalListener(LocalListener&& other) noexcept;
    LocalListener& operator=(LocalListener&&) = delete;
    LocalListener(const LocalListener&) = delete;
    LocalListener& operator=(const LocalListener&) = delete;
    /// Removes the socket file.
    ~LocalListener();

    /// The next connection. Fails when it is cancelled; waits and tries again where the kernel
    /// lacks resources for the moment.
    Awaitable<Outcome<Socket>> accept();

    /// With the port that was chosen.
    [[nodiscard]] const LocalAddress& address() const { return address_; }

private:
    using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol>;

    LocalListener(const Executor& executor, LocalAddress address)
        : acceptor_(executor), address_(std::move(address)) {}

    error_code listen();

    Acceptor acceptor_;
    LocalAddress address_;
    bool made_file_ = false;
};

} // namespace rouse::host
