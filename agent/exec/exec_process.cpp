#include "agent/exec/exec_process.hpp"

#include "agent/sys/pipe.hpp"

#include <stdexcept>
#include <utility>
#include <variant>

#include <signal.h>

namespace rouse::exec {

namespace {

using sys::PipeMode;

/// The pipes before our ends are known to the loop; the child's ends close with it.
struct Pipes {
    sys::Pipe in;
    sys::Pipe out;
    sys::Pipe err;
};

sys::Result<Pipes> make_pipes(Input input) {
    Pipes pipes;
    if (input == Input::pipe) {
        sys::Result<sys::Pipe> in = sys::make_pipe(PipeMode::nonblocking_write);
        if (!in) return in.error();
        pipes.in = std::move(*in);
    }
    sys::Result<sys::Pipe> out = sys::make_pipe(PipeMode::nonblocking_read);
    if (!out) return out.error();
    sys::Result<sys::Pipe> err = sys::make_pipe(PipeMode::nonblocking_read);
    if (!err) return err.error();
    pipes.out = std::move(*out);
    pipes.err = std::move(*err);
    return pipes;
}

io::error_code adopt(io::Descriptor& descriptor, sys::UniqueFd& fd) {
    io::error_code error;
    if (!fd.valid()) return error;
    descriptor.assign(fd.get(), error);
    if (!error) (void)fd.release(); // The descriptor owns it now.
    return error;
}

proto::SpawnFailure pipe_failure(const io::error_code& error) {
    proto::SpawnFailure failure;
    failure.stage = "pipe";
    failure.error = static_cast<std::uint64_t>(error.value());
    failure.message = error.message();
    return failure;
}

} // namespace

ExecProcess::ExecProcess(const io::Executor& executor)
    : in(executor), out(executor), err(executor) {}

ExecProcess::~ExecProcess() {
    // A group that is gone already needs nothing.
    if (child_) (void)child_->signal_group(SIGKILL);
}

supervise::Child& ExecProcess::child() {
    if (!child_) throw std::logic_error("an exec session without a process was asked for it");
    return *child_;
}

io::Awaitable<std::optional<proto::SpawnFailure>>
ExecProcess::start(supervise::Spawner& spawner, proto::Command command, Input input) {
    sys::Result<Pipes> pipes = make_pipes(input);
    if (!pipes) co_return pipe_failure(pipes.error());
    for (const io::error_code& error :
         {adopt(in, pipes->in.write), adopt(out, pipes->out.read), adopt(err, pipes->err.read)})
        if (error) co_return pipe_failure(error);

    supervise::Stdio stdio;
    stdio.in = pipes->in.read.get();
    stdio.out = pipes->out.write.get();
    stdio.err = pipes->err.write.get();
    io::Awaitable<supervise::StartResult> starting = spawner.start(std::move(command), stdio);
    supervise::StartResult started = co_await std::move(starting);
    if (auto* failure = std::get_if<proto::SpawnFailure>(&started)) co_return std::move(*failure);
    child_ = std::get<supervise::Child>(std::move(started));
    co_return std::nullopt;
}

io::Awaitable<> await_exit(supervise::Child& child, std::optional<proto::ExitStatus>& status) {
    io::Awaitable<std::optional<proto::ExitStatus>> waiting = child.wait();
    status = co_await std::move(waiting);
}

} // namespace rouse::exec
