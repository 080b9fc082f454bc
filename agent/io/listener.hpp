#pragma once
// Accepts connections on a vsock port or a Unix socket, from the host only, and brings the listener
// back after a restore without closing it (reopening loses connections).

#include "agent/io/address.hpp"
#include "agent/io/async.hpp"
#include "agent/sys/result.hpp"
#include "agent/sys/unique_fd.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace rouse::io {

/// What a restore did to the listener.
struct RebindOutcome {
    std::size_t served = 0;  ///< queued connections that live and were handed over
    std::size_t dropped = 0; ///< queued connections that the transport reset had killed
    bool listening = false;  ///< verified: the kernel says so
    bool recreated = false;  ///< the old descriptor no longer listened
    error_code error;        ///< why it does not listen
};

class Listener {
public:
    struct Counters {
        std::uint64_t accepted = 0;
        std::uint64_t refused = 0;    ///< peers that are not the host (or, on Unix, not root or us)
        std::uint64_t over_limit = 0; ///< closed because too many were open
        std::uint64_t errors = 0;     ///< failed accepts, each followed by a pause
    };

    Listener(Executor executor, Address address);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    Listener(Listener&&) = delete;
    Listener& operator=(Listener&&) = delete;

    /// Gets every connection that is served. Must not suspend and must not throw.
    void set_on_accept(std::function<void(Socket)> on_accept);
    /// For the log: the peer that was closed, and why ("not the host", "too many connections").
    void set_on_refuse(std::function<void(const std::string& peer, const std::string& why)> refuse);
    /// At most `limit` connections; `open` says how many there are, those included that on_accept
    /// has just got (for example the size of their task group). One too many is sent `farewell`,
    /// as far as its socket takes it at once, and closed.
    void set_limit(std::size_t limit, std::function<std::size_t()> open, std::string farewell = {});

    /// Binds and listens. A Unix socket gets mode 0600; one that nobody listens on any more is
    /// replaced. Errors: EADDRINUSE, EACCES (a vsock port below 1024 without the privilege), EINVAL
    /// for a path that does not fit, EAFNOSUPPORT without vsock.
    sys::Result<> open();
    /// Accepts until close() or cancelled. open() comes first.
    Awaitable<> run();
    /// After a transport reset: accepts everything that is queued, closes the dead, hands over the
    /// live, arms the wait again, and verifies that the descriptor still listens. Only if it does
    /// not, the socket is made anew; where that fails, run() tries it again each second. Never
    /// waits. Safe at any time.
    RebindOutcome rebind();
    /// Stops listening and removes the path. Connections that were handed over stay.
    void close();

    [[nodiscard]] const Counters& counters() const { return counters_; }
    [[nodiscard]] const Address& address() const { return address_; }
    /// Whether the kernel says that we listen.
    [[nodiscard]] bool listening() const;

private:
    enum class Queue { emptied, failing };

    void give_up();
    Queue accept_all(RebindOutcome* rebind);
    void admit(sys::UniqueFd fd, const SocketAddress& peer);

    Executor executor_;
    Address address_;
    std::optional<Descriptor> descriptor_; ///< empty while closed, and after a failed rebind
    bool wanted_ = false;                  ///< open() has succeeded since the last close()
    std::function<void(Socket)> on_accept_;
    std::function<void(const std::string&, const std::string&)> on_refuse_;
    std::size_t limit_ = 0; ///< 0: none
    std::function<std::size_t()> open_;
    std::string farewell_; ///< what one connection too many is told
    Counters counters_;
};

} // namespace rouse::io
