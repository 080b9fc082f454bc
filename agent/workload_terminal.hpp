#pragma once
// The terminal of one run of the workload: what it shows goes into the pipe of its stdout, from
// where it is relayed like any output, and what whoever attaches types goes into it.

#include "agent/exec/session_input.hpp"
#include "agent/io/condition.hpp"
#include "agent/supervise/spawner.hpp"
#include "agent/sys/terminal.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace rouse {

/// Shared by its coroutines, which may end at different times.
class WorkloadTerminal : public std::enable_shared_from_this<WorkloadTerminal> {
public:
    /// `output` is a write end that does not block; it may be invalid, and then what the terminal
    /// shows is lost. `owner`: who may open the terminal. Errors: those of sys::open_terminal().
    static sys::Result<std::shared_ptr<WorkloadTerminal>>
    make(const io::Executor& executor, sys::TerminalSize size, uid_t owner, sys::UniqueFd output);

    /// For the child, until give_up_slave().
    [[nodiscard]] supervise::Stdio stdio() const;
    /// The child has it.
    void give_up_slave() { slave_.reset(); }
    /// Errors: ENODEV once it is hung up.
    sys::Result<> resize(sys::TerminalSize size);

    /// Passes on what is shown, until nobody has the terminal open any more or it is hung up.
    io::Awaitable<> relay_output();
    /// Writes what is waiting in `input`, until its end or the terminal's. `changed` tells when
    /// there is more, and is told when something was taken. Borrows both.
    io::Awaitable<> feed(exec::SessionInput& input, io::Condition& changed);
    /// Nothing more is taken from the input: what comes is for the terminal of the next run, which
    /// may begin while this one is still drained.
    void end_input() { input_ended_ = true; }
    /// The process has ended: what is left is passed on, for `patience` at most; then whoever still
    /// has the terminal is hung up.
    io::Awaitable<> drain(std::chrono::milliseconds patience);

private:
    WorkloadTerminal(const io::Executor& executor, sys::UniqueFd slave)
        : master_(executor), output_(executor), slave_(std::move(slave)), ended_(executor) {}

    io::Awaitable<> write_out(std::string bytes);
    io::Awaitable<> output_ended();
    void hang_up();

    io::Descriptor master_;
    io::Descriptor output_;
    sys::UniqueFd slave_;
    bool relayed_ = false; ///< all that will ever be shown
    bool input_ended_ = false;
    io::Condition ended_;
};

} // namespace rouse
