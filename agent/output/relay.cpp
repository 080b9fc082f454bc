#include "agent/output/relay.hpp"

#include "agent/io/clock_jumps.hpp"
#include "agent/sys/descriptor.hpp"
#include "agent/sys/failpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include <poll.h>

namespace rouse::output {

using io::Awaitable;

namespace {

/// Bytes that one relay takes before others have their turn.
constexpr std::size_t turn = 256 * 1024;
/// Turns in which a drain deadline takes what is left. Who writes faster than that is cut.
constexpr int last_turns = 16;

bool has_writer(int pipe_read_end) {
    pollfd end{.fd = pipe_read_end, .events = POLLIN, .revents = 0};
    return ::poll(&end, 1, 0) < 0 || (end.revents & POLLHUP) == 0;
}

RelayBook::Options book_options(const OutputOptions& options, std::size_t capacity,
                                DropPolicy policy) {
    RelayBook::Options book = options.book;
    book.retention = capacity;
    book.policy = policy;
    // A frame is one packet, and a packet is no longer than the cap.
    book.overhead = proto::frame_header_size;
    return book;
}

} // namespace

Relay::Relay(const io::Executor& executor, io::ConnectionRegistry& registry,
             const OutputOptions& options, const OutputCallbacks& callbacks, Stream stream,
             TwoPipes pipes, sys::UniqueFd source, io::MemoryBudget::Share memory)
    : registry_(registry), options_(options), callbacks_(callbacks),
      state_(executor, stream.number, std::move(stream.name),
             book_options(options, pipes.capacity(), stream.policy), std::move(pipes),
             std::move(source)),
      memory_(std::move(memory)), target_wake_(executor), filling_(options.watch_patience),
      sending_(options.watch_patience) {}

Awaitable<> Relay::fill() {
    for (;;) {
        const Next next = fill_some();
        if (next == Next::done) co_return;
        Awaitable<> waiting = next == Next::wait_for_room ? wait_for_room() : wait_for_bytes();
        co_await std::move(waiting);
    }
}

/// The next step finds out what happened; a cancelled task throws there.
Awaitable<> Relay::wait_for_bytes() {
    auto waited = co_await state_.source.async_wait(io::Descriptor::wait_read, io::no_throw);
    (void)waited;
    if (!sys::failpoint("relay-read-wake")) co_return;
    Awaitable<> forgotten = state_.room.wait();
    co_await std::move(forgotten);
}

Awaitable<> Relay::wait_for_room() {
    using Clock = RelayBook::Clock;
    state_.book.full(Clock::now());
    const auto deadline = state_.book.drop_deadline().value_or(Clock::time_point::max());
    Awaitable<> waiting = state_.room.wait_until(deadline);
    co_await std::move(waiting);
    io::note_expiry(state_.source.get_executor(), deadline, Clock::now());
    if (!state_.book.late(Clock::now())) co_return;
    const bool streaming = state_.book.link() == RelayBook::Link::streaming;
    callbacks_.warn(fmt::format("output \"{}\" is lost from here on: {}", state_.name,
                                streaming ? "the host takes nothing" : "no host is connected"));
    callbacks_.event("output_dropping",
                     {{"stream", state_.name}, {"offset", state_.book.offsets().read}});
}

/// Steps until there is nothing to do or the turn is over.
Relay::Next Relay::fill_some() {
    std::size_t budget = turn;
    Next next = Next::again;
    while (next == Next::again && budget > 0)
        next = fill_once(budget);
    return next;
}

Relay::Next Relay::fill_once(std::size_t& budget) {
    if (state_.book.ended()) return drain(budget);
    const bool streaming = state_.book.link() == RelayBook::Link::streaming;
    if (state_.book.dropping() && streaming) return drop_newest(budget);
    if (state_.book.dropping() && unread_bytes() > 0 && !make_room()) return Next::wait_for_room;
    const int source = state_.source.native_handle();
    const sys::Result<TwoPipes::Filled> filled =
        state_.book.lagging() ? state_.pipes.keep(source)
                              : state_.pipes.fill(source, state_.book.owed());
    if (filled) return account(*filled, budget);
    callbacks_.warn(fmt::format("cannot take more of \"{}\": {}, the stream ends here", state_.name,
                                filled.error().message()));
    return source_ended(proto::EndOfStream::How::truncated);
}

/// Tells the book and everybody else what a step has done.
Relay::Next Relay::account(const TwoPipes::Filled& filled, std::size_t& budget) {
    if (filled.behind) state_.forgo();
    state_.book.filled(filled.taken, filled.moved);
    if (filled.lost > 0) {
        state_.forgo();
        state_.book.drop_newest(filled.lost, LossReason::failed);
    }
    const std::size_t all = filled.taken + filled.moved + filled.lost;
    if (all > 0) moved();
    state_.console.add(filled.taken);
    budget -= std::min(budget, std::max(filled.taken, filled.moved));
    switch (filled.outcome) {
    case TwoPipes::FillOutcome::moved:
        return Next::again;
    case TwoPipes::FillOutcome::no_room:
        return Next::wait_for_room;
    case TwoPipes::FillOutcome::empty:
        return Next::wait_for_bytes;
    case TwoPipes::FillOutcome::ended:
        break;
    }
    return source_ended(proto::EndOfStream::How::closed);
}

/// Something of the workload was taken.
void Relay::moved() {
    ++state_.moved_steps;
    state_.wake_writer();
    state_.unwatched.notify();
    state_.call_host();
    state_.active();
}

/// Nobody is connected: the oldest bytes go. False when that makes no room.
bool Relay::make_room() {
    // A page for each byte is the worst that can be in a slot, so that this frees at least one.
    const std::size_t piece = std::max<std::size_t>(state_.pipes.capacity() / 8, 4096);
    while (state_.pipes.crowded() && state_.book.kept() > 0) {
        const std::size_t bytes = std::min(state_.book.kept(), piece);
        if (!state_.pipes.release(bytes)) return false;
        state_.book.drop_oldest(bytes);
    }
    return !state_.pipes.crowded();
}

/// A host is connected and takes nothing: the newest bytes go.
Relay::Next Relay::drop_newest(std::size_t& budget) {
    state_.forgo();
    const sys::Result<sys::Spliced> dropped =
        state_.pipes.drop(state_.source.native_handle(), turn);
    if (!dropped || dropped->outcome == sys::SpliceOutcome::end_of_stream)
        return source_ended(dropped ? proto::EndOfStream::How::closed
                                    : proto::EndOfStream::How::truncated);
    if (dropped->outcome == sys::SpliceOutcome::would_block) return Next::wait_for_bytes;
    state_.book.drop_newest(dropped->bytes);
    moved();
    budget -= std::min(budget, dropped->bytes);
    return Next::again;
}

Relay::Next Relay::source_ended(proto::EndOfStream::How how) {
    end(how, how == proto::EndOfStream::How::closed ? 0 : unread_bytes());
    io::error_code ignored; // The descriptor is gone either way.
    state_.source.close(ignored);
    return Next::done;
}

/// From here on `unread` bytes that are in the workload's pipe, and all that come, are lost.
void Relay::end(proto::EndOfStream::How how, std::size_t unread) {
    state_.forgo(); // Who has read his own output back may leave a debt that cannot be paid.
    state_.book.end({.how = how, .bytes = unread});
    unread_ = unread;
    state_.report_losses(callbacks_);
    callbacks_.event("output_ended", {{"stream", state_.name},
                                      {"offset", state_.book.offsets().read},
                                      {"how", proto::name(how)},
                                      {"unread", unread}});
    state_.work.notify();
    state_.active();
}

/// Someone writes after the end was said: neither blocked nor killed, but counted.
Relay::Next Relay::drain(std::size_t& budget) {
    if (!state_.source.is_open()) return Next::done;
    const sys::Result<sys::Spliced> dropped =
        state_.pipes.drop(state_.source.native_handle(), turn);
    if (dropped && dropped->outcome == sys::SpliceOutcome::would_block) return Next::wait_for_bytes;
    if (dropped && dropped->outcome == sys::SpliceOutcome::moved) {
        ++state_.moved_steps;
        count_after_end(dropped->bytes);
        budget -= std::min(budget, dropped->bytes);
        return Next::again;
    }
    io::error_code ignored; // The descriptor is gone either way.
    state_.source.close(ignored);
    return Next::done;
}

/// What was unread at the end is drained first, and was told with the end.
void Relay::count_after_end(std::size_t bytes) {
    const std::size_t told = std::min(unread_, bytes);
    unread_ -= told;
    if (bytes == told) return;
    if (after_end_ == 0)
        callbacks_.event("output_after_end",
                         {{"stream", state_.name}, {"offset", state_.book.offsets().read}});
    after_end_ += bytes - told;
}

sys::Result<sys::UniqueFd> Relay::write_end(sys::WriteMode mode) const {
    // A stream that has ended is still drained, but what comes is thrown away.
    if (!state_.source.is_open() || state_.book.ended()) return sys::error_from(EPIPE);
    return sys::open_write_end(state_.source.native_handle(), mode);
}

void Relay::workload_exited() {
    workload_exited_ = true;
    state_.unwatched.notify();
    nudge();
}

void Relay::drain_deadline_passed() {
    if (state_.book.ended() || !has_writer(state_.source.native_handle())) return;
    for (int turns = 0; turns < last_turns && fill_some() == Next::again; ++turns) {
    }
    if (state_.book.ended()) return;
    const std::size_t unread = unread_bytes();
    using How = proto::EndOfStream::How;
    end(unread > 0 ? How::truncated : How::lingered, unread);
    state_.room.notify();
}

RetainedStream Relay::retained() const {
    return {
        .number = state_.number, .name = state_.name, .book = &state_.book, .pipes = &state_.pipes};
}

/// Bytes in the workload's pipe that nobody has taken.
std::size_t Relay::unread_bytes() const {
    const sys::Result<std::size_t> there = sys::bytes_readable(state_.source.native_handle());
    return there ? *there - std::min(*there, state_.book.owed()) : 0;
}

} // namespace rouse::output
