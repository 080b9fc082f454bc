// The steps of a preparation, each with its deadline.
#include "agent/io/race.hpp"
#include "agent/restore/prepare_service.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace rouse::restore {

using io::Awaitable;

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds console_pace{2};

} // namespace

/// Answers each Do exactly once, whatever becomes of the step.
Awaitable<> PrepareService::run_step(prepare_action::Do wanted) {
    prepare_event::StepDone done;
    done.run = wanted.run;
    io::Winner winner = io::Winner::first;
    try {
        Awaitable<io::Winner> racing = io::race(do_step(wanted, done), await_cancel(wanted.run));
        winner = co_await std::move(racing);
    } catch (const std::exception& escaped) {
        if (io::is_cancellation(std::current_exception())) throw; // the end of the program
        done.outcome = "failed";
        done.detail = escaped.what();
    }
    if (winner == io::Winner::second) done.outcome = "failed";
    hear(std::move(done));
}

Awaitable<> PrepareService::await_cancel(std::uint64_t run) {
    while (cancelled_run_ != run) {
        Awaitable<> waiting = cancel_.wait();
        co_await std::move(waiting);
    }
}

Awaitable<> PrepareService::do_step(const prepare_action::Do& wanted,
                                    prepare_event::StepDone& done) {
    switch (wanted.step) {
    case PrepareStep::spawns:
        return settle_spawns(wanted, done);
    case PrepareStep::hook:
    case PrepareStep::resume_hook:
        return run_hook(wanted, done);
    case PrepareStep::freeze:
        return take_text(hands_.freeze(wanted.budget), done);
    case PrepareStep::flush:
        return flush(wanted, done);
    case PrepareStep::connections:
        return close_idle(done);
    case PrepareStep::sync:
        return take_text(hands_.sync(wanted.budget), done);
    case PrepareStep::freeze_filesystems:
        return take_text(
            hands_.freeze_filesystems(machine_.request().freeze_filesystems, wanted.budget), done);
    case PrepareStep::console:
        return drain_console(wanted, done);
    case PrepareStep::thaw_filesystems:
        return take_text(hands_.thaw_filesystems(wanted.budget), done);
    case PrepareStep::thaw:
        return take_text(hands_.thaw(wanted.budget), done);
    }
    throw std::logic_error("no such step of a preparation");
}

Awaitable<> PrepareService::take_text(Awaitable<std::string> step, prepare_event::StepDone& done) {
    done.detail = co_await std::move(step);
    done.outcome = done.detail.empty() ? "ok" : "failed";
}

Awaitable<> PrepareService::settle_spawns(const prepare_action::Do& wanted,
                                          prepare_event::StepDone& done) {
    Awaitable<bool> settling = hands_.settle_spawns(wanted.budget);
    const bool settled = co_await std::move(settling);
    if (settled) co_return;
    done.outcome = "unproven";
    done.detail = "processes are still being started";
}

Awaitable<> PrepareService::run_hook(const prepare_action::Do& wanted,
                                     prepare_event::StepDone& done) {
    const Hook hook = wanted.step == PrepareStep::hook ? Hook::prepare : Hook::resume;
    Awaitable<proto::RestoreStep> running = hands_.run_hook(hook, wanted.kind, wanted.budget);
    proto::RestoreStep step = co_await std::move(running);
    done.outcome = std::move(step.outcome);
    done.detail = std::move(step.detail);
}

Awaitable<> PrepareService::flush(const prepare_action::Do& wanted, prepare_event::StepDone& done) {
    Awaitable<std::uint64_t> flushing = hands_.flush(wanted.budget);
    done.unflushed_bytes = co_await std::move(flushing);
    if (done.unflushed_bytes == 0) co_return;
    done.outcome = "unproven";
    done.detail = fmt::format("{} bytes are not acknowledged, and kept", done.unflushed_bytes);
}

Awaitable<> PrepareService::close_idle(prepare_event::StepDone& done) {
    done.detail = fmt::format("{} idle ones closed", registry_.close_idle());
    co_return;
}

/// A terminal tells nobody when it is empty, so it is asked; tcdrain(3) would wait for ever for one
/// that takes nothing.
Awaitable<> PrepareService::drain_console(const prepare_action::Do& wanted,
                                          prepare_event::StepDone& done) {
    const Clock::time_point end = Clock::now() + wanted.budget;
    io::Timer tick(executor_);
    std::size_t left = hands_.console_unsent();
    while (left > 0 && Clock::now() < end) {
        tick.expires_after(console_pace);
        auto waited = co_await tick.async_wait(io::no_throw);
        const auto& [error] = waited;
        if (error) break; // cancelled
        left = hands_.console_unsent();
    }
    if (left == 0) co_return;
    done.outcome = "unproven";
    done.detail = fmt::format("{} bytes have not left it", left);
}

} // namespace rouse::restore
