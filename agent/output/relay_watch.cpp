// The watching half of a relay: its watchdog, what the console sees, and what others may know.

#include "agent/io/race.hpp"
#include "agent/output/relay.hpp"
#include "agent/sys/defence.hpp"
#include "agent/sys/descriptor.hpp"
#include "agent/sys/pipe.hpp"

#include <fmt/format.h>

#include <algorithm>

#include <poll.h>

namespace rouse::output {

using io::Awaitable;

namespace {

bool is_ready(int fd, short event) {
    pollfd entry{.fd = fd, .events = event, .revents = 0};
    return ::poll(&entry, 1, 0) == 1 && (entry.revents & event) != 0;
}

std::size_t or_nothing(const sys::Result<std::size_t>& bytes) {
    return bytes ? *bytes : 0;
}

} // namespace

bool Relay::watch(RelayBook::Clock::time_point now) {
    if (sys::is_off(sys::Defence::relay_watchdog)) return false;
    const bool filling = could_fill();
    const bool sending = could_send();
    if (filling_.stuck(filling, state_.moved_steps, now)) repair("filling");
    if (sending_.stuck(sending, state_.sent_bytes, now)) repair("sending");
    return filling || sending;
}

/// The workload has written, and there is room for it or it is lost anyway.
bool Relay::could_fill() const {
    if (!state_.source.is_open() || !is_ready(state_.source.native_handle(), POLLIN)) return false;
    if (state_.book.ended() || state_.book.dropping()) return true;
    return state_.pipes.has_room(state_.book.lagging());
}

/// There is something to send, credit for it, and a socket that takes it.
bool Relay::could_send() const {
    if (connection_ == nullptr || !connection_->socket().is_open()) return false;
    if (!connection_->writing() && !state_.book.sendable()) return false;
    return is_ready(connection_->socket().native_handle(), POLLOUT);
}

/// Everybody looks again. Nobody minds who had nothing to look for.
void Relay::repair(std::string_view side) {
    ++repairs_;
    callbacks_.warn(
        fmt::format("output \"{}\" had stopped {} for no reason, woken", state_.name, side));
    callbacks_.event("relay_repaired", {{"stream", state_.name}, {"side", side}});
    io::error_code ignored; // Nothing was waited for: then there is nothing to cancel.
    if (state_.source.is_open()) state_.source.cancel(ignored);
    state_.room.notify();
    if (connection_ != nullptr) connection_->look_again();
    state_.work.notify();
}

/// While no host streams, shows what is kept; waits in between.
Awaitable<> Relay::show_on_console() {
    using Clock = RelayBook::Clock;
    for (;;) {
        Clock::time_point next = Clock::time_point::max();
        if (state_.book.link() == RelayBook::Link::streaming || state_.book.finished()) {
            state_.stop_console(callbacks_);
        } else if (!state_.console.active()) {
            next = state_.down_since + options_.console_after;
            if (workload_exited_ || Clock::now() >= next) {
                state_.start_console(callbacks_);
                continue;
            }
        } else if (state_.console.waiting()) {
            show_some();
            Awaitable<> pacing = io::expire(ConsoleFallback::pace);
            co_await std::move(pacing);
            continue;
        }
        Awaitable<> waiting = state_.unwatched.wait_until(next);
        co_await std::move(waiting);
    }
}

/// `unsent` is empty while no host streams, so that it can be borrowed.
void Relay::show_some() {
    const std::size_t kept = state_.book.kept();
    const ConsoleFallback::Due due = state_.console.due(kept, RelayBook::Clock::now());
    if (due.bytes == 0) return;
    const sys::Result<std::string> bytes = state_.pipes.peek(due.skip, due.bytes);
    const std::size_t taken = bytes && callbacks_.console ? callbacks_.console(*bytes) : 0;
    state_.console.shown(due.bytes, std::min(taken, due.bytes));
}

std::string_view Relay::state_name() const {
    if (state_.book.finished()) return "finished";
    switch (state_.book.link()) {
    case RelayBook::Link::down:
        return "down";
    case RelayBook::Link::greeting:
        return "greeting";
    case RelayBook::Link::streaming:
        return "streaming";
    }
    return "unknown";
}

RelayStatus Relay::status() const {
    const RelayBook& book = state_.book;
    RelayStatus status;
    status.stream = state_.name;
    status.state = state_name();
    status.policy = book.policy() == DropPolicy::drop ? "drop" : "block";
    status.send = output::name(options_.send);
    status.offsets = book.offsets();
    status.credit = book.credit();
    if (state_.source.is_open()) {
        const int source = state_.source.native_handle();
        status.workload_bytes = or_nothing(sys::bytes_readable(source));
        status.workload_capacity = or_nothing(sys::pipe_capacity(source));
    }
    status.kept_bytes = state_.pipes.kept_bytes();
    status.unsent_bytes = state_.pipes.unsent_bytes();
    status.capacity = state_.pipes.capacity();
    status.memory_share = memory_.bytes();
    status.connections = book.connections();
    if (connection_ != nullptr && connection_->socket().is_open()) {
        status.socket_open = true;
        status.socket_writable = is_ready(connection_->socket().native_handle(), POLLOUT);
        status.writing = connection_->writing();
    }
    add_counters(status);
    return status;
}

void Relay::add_counters(RelayStatus& status) const {
    const RelayBook& book = state_.book;
    status.frame_cap = book.frame_cap();
    status.stalls = book.stall().stalls();
    status.redials = book.redials();
    status.stalled_since = book.stall().stalled_since();
    if (book.link() != RelayBook::Link::streaming) status.why_down = why_down_;
    status.dropping = book.dropping();
    status.dropped_bytes = book.losses().bytes();
    status.drop_episodes = book.losses().episodes();
    status.gaps = book.gaps();
    status.after_end = after_end_;
    status.repairs = repairs_;
    status.console_active = state_.console.active();
    status.console_shown = state_.console.shown_bytes();
    status.console_dropped = state_.console.dropped_bytes();
    status.ended = book.ended();
}

} // namespace rouse::output
