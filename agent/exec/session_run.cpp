// The process of a session: its start, its pipes, its end, and what falls due meanwhile.

#include "agent/exec/session.hpp"
#include "agent/io/clock_jumps.hpp"
#include "agent/io/race.hpp"
#include "agent/sys/descriptor.hpp"
#include "proto/limits.hpp"

#include <algorithm>
#include <utility>

#include <poll.h>

namespace rouse::exec {

using io::no_throw;
using proto::EndOfStream;

namespace {

/// Whether everybody closed the pipe and nothing is left in it.
bool is_closed_and_empty(int fd) {
    pollfd asked{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&asked, 1, 0) == 1 && (asked.revents & POLLHUP) != 0 &&
           (asked.revents & POLLIN) == 0;
}

sys::TerminalSize terminal_size_of(const proto::TerminalSize& size) {
    return {.rows = static_cast<std::uint16_t>(size.rows),
            .columns = static_cast<std::uint16_t>(size.columns)};
}

} // namespace

sys::Result<> Session::resize(const proto::TerminalSize& size) {
    if (life_.phase() != SessionLife::Phase::running)
        return sys::error_code(ESRCH, boost::system::system_category());
    return process_->resize(terminal_size_of(size));
}

io::Awaitable<> Session::run(supervise::Spawner& spawner, OnStart on_start) {
    // A detached process has nobody to feed it, unless somebody types on its terminal later.
    const bool fed = form_ != Form::detached && !input_.finished();
    std::optional<sys::TerminalSize> size;
    if (request_.session.tty) size = terminal_size_of(*request_.session.tty);
    io::Awaitable<std::optional<proto::SpawnFailure>> starting = process_->start(
        spawner, std::exchange(request_.command, {}), id_, fed ? Input::pipe : Input::null, size);
    std::optional<proto::SpawnFailure> failure = co_await std::move(starting);
    if (failure) {
        on_start(0);
        fail(std::move(*failure));
    } else {
        pid_ = process_->child().pid();
        on_start(pid_);
        life_.started(std::chrono::steady_clock::now());
        change();
        io::Awaitable<> serving = serve();
        co_await std::move(serving);
    }
    out_source_.reset();
    err_source_.reset();
    process_.reset();
    input_.close();
    change();
}

io::Awaitable<> Session::serve() {
    out_source_.emplace(Source{.output = out_, .pipe = process_->out});
    if (has_terminal())
        err_.end(EndOfStream::How::closed);
    else
        err_source_.emplace(Source{.output = err_, .pipe = process_->err});
    io::Awaitable<> outputs = io::both(pump(out_source_), pump(err_source_));
    io::Awaitable<> process = io::both(std::move(outputs), report_exit());
    // These never end by themselves; the process and its outputs decide.
    io::Awaitable<> beside = io::both(feed_input(), io::both(linger(), keep_time()));
    io::Awaitable<io::Winner> serving = io::race(std::move(process), std::move(beside));
    (void)co_await std::move(serving);
}

io::Awaitable<> Session::report_exit() {
    std::optional<proto::ExitStatus> status;
    io::Awaitable<> waiting = await_exit(process_->child(), status);
    co_await std::move(waiting);
    if (!status) co_return;
    exit_ = status;
    note_exit(out_source_);
    note_exit(err_source_);
    life_.exited();
    change();
}

io::Awaitable<> Session::linger() {
    std::optional<proto::ExitStatus> status;
    io::Awaitable<> waiting = await_exit(process_->child(), status);
    co_await std::move(waiting);
    io::Awaitable<> lingering = io::expire(proto::limits::drain_deadline_exec);
    co_await std::move(lingering);
    note_linger(out_source_);
    note_linger(err_source_);
    change();
    io::Awaitable<> parked = io::forever();
    co_await std::move(parked);
}

void Session::note_exit(std::optional<Source>& source) {
    if (!source) return;
    const sys::Result<std::size_t> waiting = sys::bytes_readable(source->pipe.native_handle());
    source->at_exit = source->output.taken() + (waiting ? *waiting : 0);
}

void Session::note_linger(std::optional<Source>& source) {
    if (!source) return;
    source->past_linger = true;
    io::error_code ignored; // There may be nothing to cancel.
    source->pipe.cancel(ignored);
}

io::Awaitable<> Session::pump(std::optional<Source>& wanted) {
    if (!wanted) co_return;
    Source& source = *wanted;
    EndOfStream::How how = EndOfStream::How::lingered;
    while (!source.is_over()) {
        const std::size_t room = source.output.room();
        if (room == 0) {
            io::Awaitable<> waiting = changed_.wait();
            co_await std::move(waiting);
            continue;
        }
        const Took took = take(source, room);
        if (took == Took::end) {
            how = EndOfStream::How::closed;
            break;
        }
        if (took == Took::bytes)
            changed_.notify_all();
        else
            (void)co_await source.pipe.async_wait(io::Descriptor::wait_read, no_throw);
    }
    if (is_closed_and_empty(source.pipe.native_handle())) how = EndOfStream::How::closed;
    source.output.end(how);
    change();
}

Session::Took Session::take(Source& source, std::size_t room) {
    std::string bytes(room, '\0');
    const sys::Result<sys::Moved> moved = sys::read_some(source.pipe.native_handle(), bytes);
    if (!moved || moved->outcome == sys::IoOutcome::end_of_stream) return Took::end;
    if (moved->outcome == sys::IoOutcome::would_block) return Took::nothing;
    source.output.append(std::string_view(bytes).substr(0, moved->bytes));
    note_memory();
    return Took::bytes;
}

io::Awaitable<> Session::feed_input() {
    while (!input_.finished()) {
        if (input_.waiting().empty()) {
            io::Awaitable<> waiting = changed_.wait();
            co_await std::move(waiting);
            continue;
        }
        io::Awaitable<> feeding = feed_once();
        co_await std::move(feeding);
    }
    process_->close_input();
    changed_.notify_all();
    io::Awaitable<> parked = io::forever();
    co_await std::move(parked);
}

io::Awaitable<> Session::feed_once() {
    io::Descriptor& target = process_->input();
    if (!target.is_open()) {
        input_.close();
        co_return;
    }
    const sys::Result<sys::Moved> moved = sys::write_some(target.native_handle(), input_.waiting());
    if (!moved) {
        process_->close_input();
        input_.close();
    } else if (moved->outcome == sys::IoOutcome::would_block) {
        (void)co_await target.async_wait(io::Descriptor::wait_write, no_throw);
        co_return;
    } else {
        input_.consume(moved->bytes);
    }
    changed_.notify_all();
}

io::Awaitable<> Session::keep_time() {
    while (true) {
        const SessionTime before = std::chrono::steady_clock::now();
        for (Order order = life_.due(before); order != Order::none; order = life_.due(before))
            obey(order);
        change_keep();
        const std::optional<SessionTime> due = life_.next_due();
        clock_.expires_at(due ? *due : SessionTime::max());
        (void)co_await clock_.async_wait(no_throw);
        const SessionTime after = std::chrono::steady_clock::now();
        if (!due || *due <= before) continue;
        io::note_expiry(clock_.get_executor(), *due, after);
        life_.waited(*due, before, after);
    }
}

} // namespace rouse::exec
