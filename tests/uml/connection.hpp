#pragma once
// One vsock connection of the guest, bridged to a Unix socket of a host program, as the VMMs with
// a hybrid socket do it: no half-close, an end of either side ends both.

#include "tests/uml/stream.hpp"
#include "tools/host/async.hpp"

#include <chrono>
#include <functional>
#include <limits>

namespace rouse::uml {

/// How fast the host reads what the guest sends. What is not read is not acknowledged either, so
/// the guest runs out of credit.
struct Drain {
    std::size_t bytes = std::numeric_limits<std::size_t>::max(); ///< at a time; 0: none at all
    std::chrono::milliseconds pause{0};                          ///< in between

    [[nodiscard]] static Drain at_once() { return {}; }
    [[nodiscard]] static Drain withheld() {
        return {.bytes = 0, .pause = std::chrono::milliseconds(0)};
    }
    [[nodiscard]] static Drain slow(std::size_t bytes, std::chrono::milliseconds pause) {
        return {.bytes = bytes, .pause = pause};
    }
};

class Connection {
public:
    using Send = std::function<void(Packet)>;

    /// `send` puts a packet on its way to the guest. Borrowed by nobody: lives in the frame of the
    /// coroutine that runs it.
    Connection(host::Socket socket, Stream stream, Send send);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// Waits for the guest's answer to REQUEST; whether it accepted before the deadline.
    host::Awaitable<bool> accepted(host::Clock::time_point deadline);
    /// Writes the greeting of the hybrid protocol, then bridges until the end.
    host::Awaitable<> run(std::string greeting);

    /// A packet of the guest.
    void take(Packet packet);
    /// Forgets the connection without a word to the guest; the host's program sees its end.
    void forget();
    /// RST to the guest, the end to the host's program.
    void abort();
    void set_drain(Drain drain);

    [[nodiscard]] const Stream& stream() const { return stream_; }

private:
    host::Awaitable<> to_guest();
    host::Awaitable<> from_guest();
    host::Awaitable<> linger();
    void wake();

    [[nodiscard]] bool over() const { return stream_.state() == Stream::State::over; }

    host::Socket socket_;
    Stream stream_;
    Send send_;
    Drain drain_;
    std::string inbox_;        ///< from the guest, not yet written
    host::Timer guest_spoke_;  ///< cancelled when to_guest() has to look again
    host::Timer inbox_filled_; ///< cancelled when from_guest() has to look again
};

} // namespace rouse::uml
