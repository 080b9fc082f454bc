#include "agent/workload.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace rouse {

Workload::Workload(supervise::Spawner& spawner, proto::Command command)
    : spawner_(spawner), command_(std::move(command)) {}

io::Awaitable<> Workload::run(supervise::Stdio stdio, std::function<void()> close_stdio,
                              std::function<void()> on_started) {
    state_ = State::starting;
    early_signals_.clear(); // of a start that failed
    child_.reset();
    exit_.reset();
    failure_.reset();
    proto::Command command = command_;
    auto starting = spawner_.start(std::move(command), stdio, "main");
    supervise::StartResult started = co_await std::move(starting);
    close_stdio();
    if (auto* const failure = std::get_if<proto::SpawnFailure>(&started)) {
        failure_ = std::move(*failure);
        state_ = State::failed;
        on_started();
        co_return;
    }
    child_ = std::move(std::get<supervise::Child>(started));
    state_ = State::running;
    for (const EarlySignal& early : std::exchange(early_signals_, {}))
        pass_on(early.number, early.to_group);
    on_started();
    std::optional<proto::ExitStatus> status = co_await child_->wait();
    if (!status) co_return; // cancelled at the end of the program
    exit_ = *status;
    state_ = State::exited;
}

void Workload::fail(std::string stage, const sys::error_code& error) {
    child_.reset();
    exit_.reset();
    failure_.emplace();
    failure_->stage = std::move(stage);
    failure_->error = static_cast<std::uint64_t>(error.value());
    failure_->message = error.message();
    if (!command_.argv.empty()) failure_->path = command_.argv.front();
    state_ = State::failed;
}

void Workload::signal(int number) {
    pass_on(number, true);
}

void Workload::pass_on(int number, bool to_group) {
    if (state_ == State::starting) return remember({number, to_group});
    if (!child_) return;
    // An error means that the process is just ending: there is nobody left to signal.
    (void)(to_group ? child_->signal_group(number) : child_->signal(number));
}

/// As the kernel keeps a signal that is pending: once.
void Workload::remember(EarlySignal early) {
    if (std::find(early_signals_.begin(), early_signals_.end(), early) == early_signals_.end())
        early_signals_.push_back(early);
}

void Workload::kill() {
    if (child_) child_->kill();
}

std::size_t Workload::signal_handlers(int number) {
    return child_ ? child_->signal_handlers(number) : 0;
}

pid_t Workload::pid() const {
    return child_ ? child_->pid() : 0;
}

int Workload::shell_exit_code() const {
    if (exit_) return proto::shell_exit_code(*exit_);
    return failure_ ? proto::shell_exit_code(*failure_) : 0;
}

std::string Workload::describe() const {
    if (exit_) return proto::describe(*exit_);
    if (failure_)
        return fmt::format("cannot start '{}': {} failed: {}", failure_->path, failure_->stage,
                           failure_->message);
    return std::string(name(state_));
}

std::string_view name(Workload::State state) {
    switch (state) {
    case Workload::State::none:
        return "none";
    case Workload::State::starting:
        return "starting";
    case Workload::State::running:
        return "running";
    case Workload::State::exited:
        return "exited";
    case Workload::State::failed:
        return "failed";
    }
    return "unknown";
}

} // namespace rouse
