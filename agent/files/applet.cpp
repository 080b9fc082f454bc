#include "agent/files/applet.hpp"

#include "agent/io/race.hpp"
#include "agent/sys/age.hpp"
#include "agent/sys/pipe.hpp"
#include "proto/limits.hpp"

#include <boost/asio/buffer.hpp>
#include <fmt/format.h>

#include <array>
#include <utility>
#include <variant>

#include <signal.h>

namespace rouse::files {

namespace {

struct AppletPipes {
    sys::Pipe in;
    sys::Pipe out;
    sys::Pipe err;
};

sys::Result<AppletPipes> make_applet_pipes(Applet::Input input) {
    AppletPipes pipes;
    if (input == Applet::Input::pipe) {
        sys::Result<sys::Pipe> in = sys::make_pipe(sys::PipeMode::nonblocking_write);
        if (!in) return in.error();
        pipes.in = std::move(*in);
    }
    sys::Result<sys::Pipe> out = sys::make_pipe(sys::PipeMode::nonblocking_read);
    if (!out) return out.error();
    sys::Result<sys::Pipe> err = sys::make_pipe(sys::PipeMode::nonblocking_read);
    if (!err) return err.error();
    pipes.out = std::move(*out);
    pipes.err = std::move(*err);
    return pipes;
}

io::error_code adopt_end(io::Descriptor& descriptor, sys::UniqueFd& fd) {
    io::error_code error;
    if (!fd.valid()) return error;
    descriptor.assign(fd.get(), error);
    if (!error) (void)fd.release(); // The descriptor owns it now.
    return error;
}

proto::SpawnFailure no_pipes(const io::error_code& error) {
    proto::SpawnFailure failure;
    failure.stage = "pipe";
    failure.error = static_cast<std::uint64_t>(error.value());
    failure.message = error.message();
    return failure;
}

} // namespace

Applet::Applet(const io::Executor& executor, std::string id, std::string program)
    : in(executor), out(executor), id_(std::move(id)), program_(std::move(program)), err_(executor),
      changed_(executor) {}

io::Awaitable<std::optional<proto::SpawnFailure>> Applet::start(supervise::Spawner& spawner,
                                                                io::TaskGroup& tasks,
                                                                proto::Command command, Input input,
                                                                std::shared_ptr<void> place) {
    sys::Result<AppletPipes> pipes = make_applet_pipes(input);
    if (!pipes) co_return no_pipes(pipes.error());
    for (const io::error_code& error :
         {adopt_end(in, pipes->in.write), adopt_end(out, pipes->out.read),
          adopt_end(err_, pipes->err.read)})
        if (error) co_return no_pipes(error);
    supervise::Stdio stdio;
    stdio.in = pipes->in.read.get();
    stdio.out = pipes->out.write.get();
    stdio.err = pipes->err.write.get();
    io::Awaitable<supervise::StartResult> starting = spawner.start(std::move(command), stdio, id_);
    supervise::StartResult started = co_await std::move(starting);
    if (auto* failure = std::get_if<proto::SpawnFailure>(&started)) co_return std::move(*failure);
    child_ = std::get<supervise::Child>(std::move(started));
    tasks.spawn("files applet", attend(shared_from_this(), std::move(place)));
    co_return std::nullopt;
}

io::Awaitable<> Applet::attend(std::shared_ptr<Applet> self, std::shared_ptr<void> place) {
    const std::shared_ptr<void> held = std::move(place); // until the process is gone
    io::Awaitable<io::Winner> racing = io::race(self->see_out(), self->lose_patience());
    const io::Winner winner = co_await std::move(racing);
    if (winner == io::Winner::second) {
        self->child_->kill(); // gone already is as good
        io::Awaitable<> dying = self->see_out();
        co_await std::move(dying);
    }
    self->ended_ = true;
    self->changed_.notify_all();
}

io::Awaitable<> Applet::see_out() {
    // It starts no process, so that the pipe ends with it.
    io::Awaitable<> listening = listen();
    co_await std::move(listening);
    io::Awaitable<std::optional<proto::ExitStatus>> waiting = child_->wait();
    (void)co_await std::move(waiting); // the child keeps it
}

io::Awaitable<> Applet::lose_patience() {
    while (!abandoned_) {
        io::Awaitable<> waiting = changed_.wait();
        co_await std::move(waiting);
    }
    io::Awaitable<> grace = io::expire(proto::limits::kill_grace);
    co_await std::move(grace);
}

io::Awaitable<> Applet::listen() {
    std::array<char, 4096> bytes{};
    for (;;) {
        auto read = co_await err_.async_read_some(io::asio::buffer(bytes), io::no_throw);
        const auto& [error, count] = read;
        if (error) co_return;
        complaints_.add({bytes.data(), count});
    }
}

proto::SessionDocument Applet::document() const {
    proto::SessionDocument session;
    session.id = id_;
    session.program = program_;
    session.state = ended_ ? "exited" : child_ ? "running" : "starting";
    session.pid = static_cast<std::uint64_t>(pid());
    session.controlled = !abandoned_; // by the request that it works for
    session.age_ms = sys::milliseconds_since(asked_);
    if (child_) session.exit = child_->status();
    return session;
}

io::Awaitable<> Applet::wait_ended() {
    while (!ended_) {
        io::Awaitable<> waiting = changed_.wait();
        co_await std::move(waiting);
    }
}

std::optional<Failure> Applet::failure() const {
    if (complaints_.failure()) return complaints_.failure();
    const std::optional<proto::ExitStatus> status =
        child_ ? child_->status() : std::optional<proto::ExitStatus>();
    if (status && status->code == 0U) return std::nullopt;
    const std::string how = status && status->signal
                                ? fmt::format("was killed by signal {}", *status->signal)
                                : "failed without a word";
    const std::string said =
        complaints_.stray().empty() ? "" : fmt::format(": {}", complaints_.stray());
    return Failure("failed", "", fmt::format("the program for files {}{}", how, said));
}

void Applet::abandon() {
    io::error_code ignored; // They are gone either way.
    in.close(ignored);
    out.close(ignored);
    abandoned_ = true;
    changed_.notify_all();
}

} // namespace rouse::files
