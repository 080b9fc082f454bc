#include "agent/output/stream_state.hpp"

#include "agent/sys/failpoint.hpp"

#include <utility>

namespace rouse::output {

StreamState::StreamState(const io::Executor& executor, std::uint8_t stream_number,
                         std::string stream_name, RelayBook::Options book_options,
                         TwoPipes two_pipes, sys::UniqueFd read_end)
    : number(stream_number), name(std::move(stream_name)), book(book_options),
      pipes(std::move(two_pipes)), source(executor, read_end.release()), room(executor),
      work(executor), unwatched(executor), nudge(executor) {}

void StreamState::lost() {
    if (book.link() == RelayBook::Link::streaming) down_since = RelayBook::Clock::now();
    (void)book.stall().end(RelayBook::Clock::now()); // What a lost connection had stalled is over.
    drop_owed(book.lost());
    (void)pipes.clear_unsent(); // Where this fails, the replay does, and says so.
    const std::size_t surplus = book.surplus();
    if (surplus > 0 && pipes.release(surplus)) book.drop_oldest(surplus);
    room.notify();
    unwatched.notify();
}

void StreamState::forgo() {
    drop_owed(book.forgo());
}

/// Fewer are there only if the workload has read its own output back, which is its own affair:
/// `kept` has the bytes.
void StreamState::drop_owed(std::size_t bytes) {
    while (bytes > 0 && source.is_open()) {
        const sys::Result<sys::Spliced> dropped = pipes.drop(source.native_handle(), bytes);
        if (!dropped || dropped->outcome != sys::SpliceOutcome::moved) return;
        bytes -= dropped->bytes;
    }
}

void StreamState::report_losses(const OutputCallbacks& callbacks) {
    while (const std::optional<Loss> loss = book.take_loss())
        callbacks.event("output_dropped", {{"stream", name},
                                           {"offset", loss->offset},
                                           {"count", loss->count},
                                           {"reason", output::name(loss->reason)}});
}

void StreamState::start_console(const OutputCallbacks& callbacks) {
    console.start(book.kept(), RelayBook::Clock::now());
    callbacks.event("output_console", {{"stream", name}, {"shown", true}});
}

void StreamState::stop_console(const OutputCallbacks& callbacks) {
    if (console.stop()) callbacks.event("output_console", {{"stream", name}, {"shown", false}});
}

void StreamState::wake_writer() {
    if (!sys::failpoint("relay-work-wake")) work.notify();
}

void StreamState::call_host() {
    called = true;
    nudge.notify();
}

} // namespace rouse::output
