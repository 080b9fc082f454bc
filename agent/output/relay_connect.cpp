// The dialling half of a relay: one connection at a time, again and again, while there is a target.

#include "agent/io/connect.hpp"
#include "agent/io/race.hpp"
#include "agent/output/relay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace rouse::output {

using io::Awaitable;

void Relay::connect(const OutputIdentity& identity) {
    if (target_ && target_->epoch == identity.epoch) return;
    disconnect();
    state_.book.announce_again();
    state_.down_since = RelayBook::Clock::now();
    target_ = identity;
}

void Relay::disconnect() {
    target_.reset();
    ++target_serial_;
    if (connection_ != nullptr) connection_->close();
    state_.lost();
    state_.report_losses(callbacks_);
    target_wake_.notify();
}

Awaitable<> Relay::keep_connected() {
    for (;;) {
        if (!target_) {
            Awaitable<> waiting = target_wake_.wait();
            co_await std::move(waiting);
            continue;
        }
        // A new target interrupts everything, a dial or a back-off included.
        OutputIdentity identity = *target_;
        Awaitable<> serving = serve(std::move(identity));
        Awaitable<> changing = target_changed(target_serial_);
        Awaitable<io::Winner> either = io::race(std::move(serving), std::move(changing));
        co_await std::move(either);
    }
}

Awaitable<> Relay::target_changed(std::uint64_t serial) {
    while (target_serial_ == serial) {
        Awaitable<> waiting = target_wake_.wait();
        co_await std::move(waiting);
    }
}

/// Dials until the end of the stream is acknowledged; then waits to be interrupted.
Awaitable<> Relay::serve(OutputIdentity identity) {
    std::chrono::milliseconds back_off = options_.first_back_off;
    while (is_wanted(identity)) {
        state_.called = false;
        OutputIdentity copy = identity;
        Awaitable<bool> connecting = connect_once(std::move(copy));
        const bool progressed = co_await std::move(connecting);
        if (state_.book.finished()) {
            Awaitable<> resting = rest();
            co_await std::move(resting);
        }
        if (progressed) back_off = options_.first_back_off;
        Awaitable<> pausing = pause(back_off);
        co_await std::move(pausing);
        back_off = std::min(back_off * 2, options_.last_back_off);
    }
}

/// The host has everything and needs no connection any more.
Awaitable<> Relay::rest() {
    callbacks_.event("output_delivered",
                     {{"stream", state_.name}, {"offset", state_.book.offsets().acked}});
    if (on_finished_) on_finished_();
    Awaitable<> waiting = io::forever();
    co_await std::move(waiting);
}

/// Between two tries. A host that was away for long is not looked for without a reason.
Awaitable<> Relay::pause(std::chrono::milliseconds back_off) {
    Awaitable<> waiting = io::expire(back_off);
    co_await std::move(waiting);
    while (quiet()) {
        Awaitable<> reason = state_.nudge.wait();
        co_await std::move(reason);
    }
}

bool Relay::is_wanted(const OutputIdentity& identity) const {
    return target_ && target_->epoch == identity.epoch;
}

bool Relay::quiet() const {
    if (state_.called || unread_bytes() > 0) return false; // A held workload is reason enough.
    return RelayBook::Clock::now() - state_.down_since > options_.quiet_after;
}

/// One connection from dial to end; whether it was worth something.
Awaitable<bool> Relay::connect_once(OutputIdentity identity) {
    const io::Executor executor = co_await boost::asio::this_coro::executor;
    Awaitable<sys::Result<io::Socket>> dialling =
        io::connect(executor, options_.host, options_.connect_timeout);
    sys::Result<io::Socket> socket = co_await std::move(dialling);
    // In the same turn of the loop the epoch may have ended, and this not be cancelled yet.
    if (!is_wanted(identity)) co_return false;
    if (!socket) {
        report_outage(socket.error().message());
        co_return false;
    }
    Awaitable<bool> running = run_connection(std::move(*socket), std::move(identity));
    co_return co_await std::move(running);
}

namespace {

/// However the coroutine ends, nobody keeps a pointer to its connection, and book and pipes know.
class Standing {
public:
    Standing(Connection*& place, Connection& connection, StreamState& state)
        : place_(place), state_(state) {
        place_ = &connection;
    }
    Standing(const Standing&) = delete;
    Standing& operator=(const Standing&) = delete;
    Standing(Standing&&) = delete;
    Standing& operator=(Standing&&) = delete;
    ~Standing() {
        place_ = nullptr;
        state_.lost();
    }

private:
    Connection*& place_;
    StreamState& state_;
};

} // namespace

/// A connection that moved bytes, or stood for a while, is redialled without a long wait.
Awaitable<bool> Relay::run_connection(io::Socket socket, OutputIdentity identity) {
    const auto began = RelayBook::Clock::now();
    const std::uint64_t before = state_.book.offsets().acked;
    Connection connection(std::move(socket), state_, options_, callbacks_);
    const io::ConnectionRegistry::Registration registration =
        registry_.add(connection.socket(), "output " + state_.name);
    {
        const Standing standing(connection_, connection, state_);
        Awaitable<> running = connection.run(std::move(identity));
        co_await std::move(running);
    }
    state_.report_losses(callbacks_);
    if (connection.welcomed()) outage_reported_ = false;
    if (!state_.book.finished() && target_) report_outage(connection.why());
    co_return state_.book.offsets().acked > before ||
        RelayBook::Clock::now() - began > options_.last_back_off;
}

/// One line and one event an outage, not one a try.
void Relay::report_outage(const std::string& why) {
    why_down_ = why;
    if (outage_reported_) return;
    outage_reported_ = true;
    callbacks_.warn(fmt::format("output \"{}\" is not connected to the host: {}, dialling again",
                                state_.name, why));
    callbacks_.event("output_outage", {{"stream", state_.name}, {"why", why}});
}

} // namespace rouse::output
