#include "agent/workload_terminal.hpp"

#include "agent/io/race.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cerrno>
#include <utility>

namespace rouse {

using io::Awaitable;

sys::Result<std::shared_ptr<WorkloadTerminal>> WorkloadTerminal::make(const io::Executor& executor,
                                                                      sys::TerminalSize size,
                                                                      uid_t owner,
                                                                      sys::UniqueFd output) {
    sys::Result<sys::Terminal> pair = sys::open_terminal(size);
    if (!pair) return pair.error();
    // The terminal works for root as it is.
    if (owner != 0) (void)sys::set_terminal_owner(pair->slave.get(), owner);
    std::shared_ptr<WorkloadTerminal> made(new WorkloadTerminal(executor, std::move(pair->slave)));
    io::error_code error;
    made->master_.assign(pair->master.get(), error);
    if (error) return error;
    (void)pair->master.release(); // The descriptor owns it now.
    if (!output.valid()) return made;
    made->output_.assign(output.get(), error);
    if (error) return error;
    (void)output.release(); // Likewise.
    return made;
}

supervise::Stdio WorkloadTerminal::stdio() const {
    const int slave = slave_.get();
    return {.in = slave, .out = slave, .err = slave, .terminal = true};
}

sys::Result<> WorkloadTerminal::resize(sys::TerminalSize size) {
    if (!master_.is_open()) return sys::error_from(ENODEV);
    return sys::set_size(master_.native_handle(), size);
}

Awaitable<> WorkloadTerminal::relay_output() {
    const auto self = shared_from_this();
    std::array<char, 4096> chunk{};
    while (master_.is_open()) {
        auto read = co_await master_.async_read_some(io::asio::buffer(chunk), io::no_throw);
        const auto& [error, count] = read;
        if (error) break; // EIO: nobody has it open any more.
        Awaitable<> writing = write_out(std::string(chunk.data(), count));
        co_await std::move(writing);
    }
    io::error_code ignored; // The descriptor is gone either way.
    output_.close(ignored);
    relayed_ = true;
    ended_.notify_all();
}

/// Waits for room: the relay's policy says for how long the workload is held.
Awaitable<> WorkloadTerminal::write_out(std::string bytes) {
    if (!output_.is_open()) co_return;
    auto written = co_await io::asio::async_write(output_, io::asio::buffer(bytes), io::no_throw);
    (void)written; // Fails only once the stream has ended, and then nobody takes it.
}

Awaitable<> WorkloadTerminal::feed(exec::SessionInput& input, io::Condition& changed) {
    const auto self = shared_from_this();
    while (master_.is_open() && !input_ended_) {
        if (input.waiting().empty()) {
            Awaitable<> waiting = changed.wait();
            co_await std::move(waiting);
            continue;
        }
        const std::string bytes(input.waiting());
        auto written = co_await master_.async_write_some(io::asio::buffer(bytes), io::no_throw);
        const auto& [error, count] = written;
        // What is waiting is for the next run: also what was just written to this one's terminal,
        // which nobody reads any more.
        if (error || input_ended_) co_return;
        input.consume(count);
        changed.notify_all();
    }
}

Awaitable<> WorkloadTerminal::drain(std::chrono::milliseconds patience) {
    const auto self = shared_from_this();
    Awaitable<bool> timed = io::with_deadline(output_ended(), patience);
    (void)co_await std::move(timed); // Who still writes then has had its time.
    hang_up();
}

Awaitable<> WorkloadTerminal::output_ended() {
    while (!relayed_) {
        Awaitable<> waiting = ended_.wait();
        co_await std::move(waiting);
    }
}

void WorkloadTerminal::hang_up() {
    io::error_code ignored; // The descriptors are gone either way.
    master_.close(ignored);
    output_.close(ignored);
}

} // namespace rouse
