#pragma once
// What the filling side, the sending side and the watching side of one relay share.

#include "agent/output/console_fallback.hpp"
#include "agent/output/relay_book.hpp"
#include "agent/output/settings.hpp"
#include "agent/output/two_pipes.hpp"
#include "agent/output/wake.hpp"

#include <functional>
#include <string>

namespace rouse::output {

struct StreamState {
    /// `read_end` is the non-blocking read end of the workload's pipe.
    StreamState(const io::Executor& executor, std::uint8_t stream_number, std::string stream_name,
                RelayBook::Options book_options, TwoPipes two_pipes, sys::UniqueFd read_end);

    /// The connection is gone, for the book and for the pipes.
    void lost();
    /// `unsent` lags from now on: what is owed is in `kept`, and leaves the workload's pipe.
    void forgo();
    /// Publishes the episodes of loss that are over.
    void report_losses(const OutputCallbacks& callbacks);
    /// The console begins, and ceases, to show what is kept.
    void start_console(const OutputCallbacks& callbacks);
    void stop_console(const OutputCallbacks& callbacks);
    /// There is something to send.
    void wake_writer();
    /// Something came of the workload or of the host: who watches over the relay is to know.
    void active() const {
        if (on_activity) on_activity();
    }
    /// There is a reason to dial a host that was away for long.
    void call_host();

    std::uint8_t number; ///< proto::stream_id
    std::string name;    ///< "stdout" or "stderr"
    RelayBook book;
    TwoPipes pipes;
    /// Read end of the workload's pipe; closed after its end. Mutable, since Asio does not let a
    /// const descriptor tell its number.
    mutable io::Descriptor source;
    ConsoleFallback console;
    std::function<void()> on_activity; ///< may be empty
    Wake room;                         ///< a pipe may have room again
    Wake work;                         ///< there may be something to send
    Wake unwatched;                    ///< there may be something for the console
    Wake nudge;                        ///< there is a reason to dial again
    RelayBook::Clock::time_point down_since = RelayBook::Clock::now(); ///< no host streams
    std::uint64_t sent_bytes = 0;  ///< that sockets took, ever: headers and replays included
    std::uint64_t moved_steps = 0; ///< of the filling side that did something, ever
    bool refusal_reported = false; ///< one event an outage, not one a try
    bool called = false;           ///< call_host() since the last time that was dialled

private:
    void drop_owed(std::size_t bytes);
};

} // namespace rouse::output
