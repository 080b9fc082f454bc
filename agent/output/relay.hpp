#pragma once
// Relays one stream of the workload to the host: fills the two pipes whether or not anybody is
// connected, and keeps one connection to the host while told to.

#include "agent/io/connection_registry.hpp"
#include "agent/io/memory_budget.hpp"
#include "agent/output/connection.hpp"
#include "agent/output/progress_watch.hpp"
#include "agent/output/relay_status.hpp"
#include "agent/output/retained_cursor.hpp"
#include "agent/sys/pipe.hpp"

#include <string>

namespace rouse::output {

class Relay {
public:
    struct Stream {
        std::uint8_t number; ///< proto::stream_id
        std::string name;    ///< "stdout" or "stderr"
        DropPolicy policy = DropPolicy::drop;
    };

    /// Borrows registry, options and callbacks, which outlive the tasks. `source` is the
    /// non-blocking read end of the workload's pipe; `memory` is what all three pipes may take.
    Relay(const io::Executor& executor, io::ConnectionRegistry& registry,
          const OutputOptions& options, const OutputCallbacks& callbacks, Stream stream,
          TwoPipes pipes, sys::UniqueFd source, io::MemoryBudget::Share memory);

    /// The tasks of a relay; each runs until it is cancelled or has nothing left to do.
    io::Awaitable<> fill();
    io::Awaitable<> keep_connected();
    io::Awaitable<> show_on_console();

    /// Dials, and dials again, until the end is acknowledged. Nothing happens for the same epoch.
    void connect(const OutputIdentity& identity);
    /// Drops the connection at once and dials no more; filling goes on.
    void disconnect();
    /// There is a reason to dial: a request of a host, or the workload's exit.
    void nudge() { state_.call_host(); }

    /// Another write end of the workload's pipe. Errors: EPIPE after the end of the stream; those
    /// of sys::open_write_end().
    [[nodiscard]] sys::Result<sys::UniqueFd> write_end(sys::WriteMode mode) const;

    /// The workload is gone: the console is not kept waiting for a host any more.
    void workload_exited();
    /// The workload is gone and its drain deadline has passed: who still holds the pipe is not
    /// waited for. A pipe without writers is left to end by itself, however slow the host is.
    void drain_deadline_passed();

    /// Looks whether what could move at `now` does; wakes and reports what does not. Returns
    /// whether anything could move: a relay that waits for its workload or its host is at rest.
    bool watch(RelayBook::Clock::time_point now);

    /// The host has everything and has acknowledged the end.
    [[nodiscard]] bool finished() const { return state_.book.finished(); }
    /// Called when finished() becomes true.
    void on_finished(std::function<void()> call) { on_finished_ = std::move(call); }
    /// Called when the workload wrote, when its stream has ended, and when the host said something.
    void on_activity(std::function<void()> call) { state_.on_activity = std::move(call); }
    [[nodiscard]] const std::string& name() const { return state_.name; }
    [[nodiscard]] RelayStatus status() const;
    /// For readers of what is kept. Borrowed.
    [[nodiscard]] RetainedStream retained() const;

private:
    enum class Next { again, wait_for_room, wait_for_bytes, done };

    // relay.cpp: filling
    Next fill_some();
    Next fill_once(std::size_t& budget);
    Next account(const TwoPipes::Filled& filled, std::size_t& budget);
    io::Awaitable<> wait_for_room();
    io::Awaitable<> wait_for_bytes();
    void moved();
    bool make_room();
    Next drop_newest(std::size_t& budget);
    Next source_ended(proto::EndOfStream::How how);
    void end(proto::EndOfStream::How how, std::size_t unread);
    Next drain(std::size_t& budget);
    void count_after_end(std::size_t bytes);
    std::size_t unread_bytes() const;
    // relay_connect.cpp: dialling
    io::Awaitable<> serve(OutputIdentity identity);
    io::Awaitable<> pause(std::chrono::milliseconds back_off);
    io::Awaitable<> rest();
    [[nodiscard]] bool is_wanted(const OutputIdentity& identity) const;
    [[nodiscard]] bool quiet() const;
    io::Awaitable<bool> connect_once(OutputIdentity identity);
    io::Awaitable<bool> run_connection(io::Socket socket, OutputIdentity identity);
    io::Awaitable<> target_changed(std::uint64_t serial);
    void report_outage(const std::string& why);
    // relay_watch.cpp: watching, showing
    [[nodiscard]] bool could_fill() const;
    [[nodiscard]] bool could_send() const;
    void repair(std::string_view side);
    void show_some();
    [[nodiscard]] std::string_view state_name() const;
    void add_counters(RelayStatus& status) const;

    io::ConnectionRegistry& registry_;
    const OutputOptions& options_;
    const OutputCallbacks& callbacks_;
    StreamState state_;
    io::MemoryBudget::Share memory_;
    std::optional<OutputIdentity> target_;
    std::uint64_t target_serial_ = 0; ///< raised with each change of target_
    Wake target_wake_;
    Connection* connection_ = nullptr; ///< lives in run_connection()
    bool outage_reported_ = false;
    std::string why_down_; ///< the last reason for an outage
    bool workload_exited_ = false;
    ProgressWatch filling_;
    ProgressWatch sending_;
    std::uint64_t repairs_ = 0;
    std::size_t unread_ = 0; ///< of the workload's pipe, told with the end and not drained yet
    std::uint64_t after_end_ = 0;
    std::function<void()> on_finished_;
};

} // namespace rouse::output
