#pragma once
// Connects to ports of one guest, whatever its target is made of.
//
//   vsock: AF_VSOCK
//   unix:  the hybrid protocol of Firecracker, Cloud Hypervisor and vhost-device-vsock
//          (CONNECT PORT, OK N); or a plain HTTP server, which is recognised by its answer to
//          CONNECT and remembered

#include "tools/host/target.hpp"

namespace rouse::host {

/// Not thread-safe. Connections may be made concurrently.
class Dialer {
public:
    Dialer(Executor executor, Target target);

    /// A fresh connection to `port` of the guest. A connection that is closed before the guest's
    /// side answered (nobody listens yet, or the guest still holds the port pair of a connection
    /// from before a restore) is tried again until the deadline; a target that does not exist is
    /// not. Fails with the target and the reason in the message.
    Awaitable<Outcome<Socket>> connect(std::uint32_t port, Clock::time_point deadline);

    [[nodiscard]] const Target& target() const { return target_; }
    [[nodiscard]] const Executor& executor() const { return executor_; }
    /// Whether the target was found to be an HTTP server without the hybrid protocol.
    [[nodiscard]] bool plain() const { return plain_; }

private:
    /// What one try gave.
    enum class Attempt { connected, again, plain, failed };

    Awaitable<Attempt> attempt(Socket& socket, std::uint32_t port, Clock::time_point deadline,
                               std::string& reason) const;
    Awaitable<Attempt> greet(Socket& socket, std::uint32_t port, std::string& reason) const;

    Executor executor_;
    Target target_;
    bool plain_ = false;
};

} // namespace rouse::host
