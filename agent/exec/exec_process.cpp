#include "agent/exec/exec_process.hpp"

#include "agent/sys/descriptor.hpp"
#include "agent/sys/pipe.hpp"
#include "agent/sys/users.hpp"

#include <stdexcept>
#include <utility>
#include <variant>

#include <signal.h>

namespace rouse::exec {

namespace {

using sys::PipeMode;

proto::SpawnFailure descriptor_failure(std::string stage, const io::error_code& error) {
    proto::SpawnFailure failure;
    failure.stage = std::move(stage);
    failure.error = static_cast<std::uint64_t>(error.value());
    failure.message = error.message();
    return failure;
}

} // namespace

ExecProcess::ExecProcess(const io::Executor& executor)
    : out(executor), err(executor), in_(executor) {}

ExecProcess::~ExecProcess() {
    // What an ended command has left behind is its own affair.
    if (child_ && child_->running()) child_->kill();
}

supervise::Child& ExecProcess::child() {
    if (!child_) throw std::logic_error("an exec session without a process was asked for it");
    return *child_;
}

void ExecProcess::close_input() {
    io::error_code ignored; // The descriptor is gone either way.
    in_.close(ignored);
}

sys::Result<> ExecProcess::resize(sys::TerminalSize size) {
    if (!terminal_) return sys::error_code(ENOTTY, boost::system::system_category());
    return sys::set_size(out.native_handle(), size);
}

io::error_code ExecProcess::adopt(io::Descriptor& descriptor, sys::UniqueFd fd) {
    io::error_code error;
    descriptor.assign(fd.get(), error);
    if (!error) (void)fd.release(); // The descriptor owns it now.
    return error;
}

sys::Result<supervise::Stdio> ExecProcess::make_pipes(Input input) {
    supervise::Stdio stdio;
    if (input == Input::pipe) {
        sys::Result<sys::Pipe> pipe = sys::make_pipe(PipeMode::nonblocking_write);
        if (!pipe) return pipe.error();
        if (const io::error_code error = adopt(in_, std::move(pipe->write))) return error;
        stdio.in = pipe->read.get();
        given_[0] = std::move(pipe->read);
    }
    sys::Result<sys::Pipe> first = sys::make_pipe(PipeMode::nonblocking_read);
    if (!first) return first.error();
    sys::Result<sys::Pipe> second = sys::make_pipe(PipeMode::nonblocking_read);
    if (!second) return second.error();
    if (const io::error_code error = adopt(out, std::move(first->read))) return error;
    if (const io::error_code error = adopt(err, std::move(second->read))) return error;
    stdio.out = first->write.get();
    stdio.err = second->write.get();
    given_[1] = std::move(first->write);
    given_[2] = std::move(second->write);
    return stdio;
}

sys::Result<supervise::Stdio> ExecProcess::make_terminal(sys::TerminalSize size) {
    sys::Result<sys::Terminal> terminal = sys::open_terminal(size);
    if (!terminal) return terminal.error();
    if (const io::error_code error = adopt(out, std::move(terminal->master))) return error;
    terminal_ = true;
    supervise::Stdio stdio;
    stdio.in = stdio.out = stdio.err = terminal->slave.get();
    stdio.terminal = true;
    given_[0] = std::move(terminal->slave);
    return stdio;
}

/// The user may open /dev/stdout or /dev/tty again.
sys::Result<> ExecProcess::give_to(const std::string& user, const supervise::Stdio& stdio) {
    if (user.empty()) return {}; // Ours already, and no files to be read for it.
    const sys::Result<sys::User> owner = sys::find_user(user);
    if (!owner) return {}; // The spawner reports it.
    if (stdio.terminal) return sys::set_terminal_owner(stdio.in, owner->uid);
    for (const sys::UniqueFd& end : given_) {
        if (!end.valid()) continue;
        const sys::Result<> given = sys::set_owner(end.get(), owner->uid, owner->gid);
        if (!given) return given.error();
    }
    return {};
}

io::Awaitable<std::optional<proto::SpawnFailure>>
ExecProcess::start(supervise::Spawner& spawner, proto::Command command, std::string group,
                   Input input, std::optional<sys::TerminalSize> size) {
    const sys::Result<supervise::Stdio> stdio = size ? make_terminal(*size) : make_pipes(input);
    if (!stdio) co_return descriptor_failure(size ? "terminal" : "pipe", stdio.error());
    const sys::Result<> given = give_to(command.user, *stdio);
    if (!given) co_return descriptor_failure("owner", given.error());
    io::Awaitable<supervise::StartResult> starting =
        spawner.start(std::move(command), *stdio, std::move(group));
    supervise::StartResult started = co_await std::move(starting);
    given_ = {};
    if (auto* failure = std::get_if<proto::SpawnFailure>(&started)) co_return std::move(*failure);
    child_ = std::get<supervise::Child>(std::move(started));
    co_return std::nullopt;
}

io::Awaitable<> await_exit(supervise::Child& child, std::optional<proto::ExitStatus>& status) {
    io::Awaitable<std::optional<proto::ExitStatus>> waiting = child.wait();
    status = co_await std::move(waiting);
}

} // namespace rouse::exec
