#include "agent/workload_service.hpp"

#include "agent/io/clock_jumps.hpp"
#include "proto/signal_names.hpp"

#include <fmt/format.h>

#include <utility>

namespace rouse {

using io::Awaitable;
using workload::Order;
using workload::Phase;

namespace {

using Clock = std::chrono::steady_clock;

workload::LifeOptions life_options(const proto::Config& config) {
    const proto::ReadyConfig& ready = config.supervision.ready;
    return {.restart = config.supervision.restart,
            .asks_for_ready = ready.is_asked(),
            .ready_timeout = ready.timeout,
            .stop_grace = config.stop_grace};
}

const std::optional<proto::ExitStatus> no_exit;
const std::optional<proto::SpawnFailure> no_failure;

} // namespace

WorkloadService::WorkloadService(io::Executor executor, Parts parts, const proto::Config& config,
                                 WorkloadHooks hooks)
    : executor_(std::move(executor)), parts_(parts), config_(config), hooks_(std::move(hooks)),
      life_(life_options(config)), process_(parts.spawner, config.workload),
      timer_(executor_, Clock::time_point::max()), changed_(executor_), notifications_(executor_) {
    if (parts_.output == nullptr) our_terminal_.emplace();
}

void WorkloadService::configure() {
    life_ = workload::Life(life_options(config_));
    process_.set_command(config_.workload);
}

void WorkloadService::begin(const std::string& notify_directory, FirstRun first) {
    if (!exists()) return hooks_.ready();
    first_run_ = first;
    if (config_.supervision.ready.notify) listen_for_ready(notify_directory);
    parts_.tasks.keep("time of the workload", [this] { return keep_time(); });
    hear(life_.begin());
}

bool WorkloadService::stop() {
    if (!goes_on() && life_.phase() != Phase::held) return false;
    hear(life_.stop(Clock::now()));
    return true;
}

bool WorkloadService::restart() {
    if (!goes_on() && life_.phase() != Phase::held) return false;
    hear(life_.restart(Clock::now()));
    return true;
}

void WorkloadService::end() {
    if (exists()) hear(life_.end(Clock::now()));
}

void WorkloadService::let_end() {
    if (exists()) hear(life_.let_end());
}

bool WorkloadService::goes_on() const {
    return exists() && (life_.has_process() || life_.phase() == Phase::waiting);
}

std::string_view WorkloadService::state() const {
    if (life_.phase() == Phase::waiting) return "waiting";
    if (life_.phase() == Phase::held) return "stopped";
    return name(process_.state());
}

const std::optional<proto::ExitStatus>& WorkloadService::final_exit() const {
    return life_.phase() == Phase::over ? process_.exit() : no_exit;
}

const std::optional<proto::SpawnFailure>& WorkloadService::final_failure() const {
    return life_.phase() == Phase::over ? process_.failure() : no_failure;
}

void WorkloadService::hear(const workload::Orders& orders) {
    // Another run may need the streams of this one; once it is known that none comes, they end with
    // it. Taken now, before the process that has them is told to end.
    if (life_.may_run_again() && pipes_opened_ && !pipes_)
        pipes_ = parts_.output->write_ends(sys::WriteMode::blocking);
    for (const Order order : orders)
        carry_out(order);
    timer_.expires_at(life_.next_due().value_or(Clock::time_point::max()));
    changed_.notify_all();
    hooks_.changed();
}

void WorkloadService::carry_out(Order order) {
    switch (order) {
    case Order::start:
        return parts_.tasks.spawn("workload", run_once());
    case Order::announce:
        return announce();
    case Order::terminate:
        if (life_.was_late())
            hooks_.warn(fmt::format("the workload is not ready after {} ms, stopping it",
                                    config_.supervision.ready.timeout.count()));
        return process_.signal(config_.supervision.stop_signal);
    case Order::kill:
        hooks_.warn(fmt::format("the workload ignored {} for {} ms, killing it",
                                proto::signal_name(config_.supervision.stop_signal),
                                config_.stop_grace.count()));
        return process_.kill();
    case Order::pause:
        return tell_end("workload_restarting", {{"pause_ms", life_.pause().count()}});
    case Order::hold:
        return tell_end("workload_stopped", {});
    case Order::finish:
        return finish();
    }
}

/// Says what is due when it is due.
Awaitable<> WorkloadService::keep_time() {
    for (;;) {
        const Clock::time_point began = Clock::now();
        const Clock::time_point due = timer_.expiry();
        auto waited = co_await timer_.async_wait(io::no_throw);
        (void)waited; // It has expired, or there is something else to wait for.
        const Clock::time_point now = Clock::now();
        if (now < due) continue;
        io::note_expiry(executor_, due, now);
        life_.waited(due, began, now);
        hear(life_.due(now));
    }
}

void WorkloadService::announce() {
    const auto took =
        std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - run_began_);
    hooks_.event("workload_ready", {{"run", life_.runs()}, {"after_ms", took.count()}});
    hooks_.ready();
}

void WorkloadService::finish() {
    pipes_.reset();
    input_.close();
    tell_status(); // before the end that it may explain
    if (life_.gave_up())
        hooks_.warn(fmt::format("the workload ended too often: {} times within {} ms",
                                config_.supervision.restart.max + 1,
                                config_.supervision.restart.window.count()));
    tell_end("workload_exit", {});
    if (parts_.output != nullptr) parts_.output->workload_exited();
    hooks_.over();
}

/// Of the run that has just ended, or of the last one there was.
void WorkloadService::tell_end(std::string_view type, boost::json::object more) {
    more["ended"] = process_.describe();
    more["run"] = life_.runs();
    if (process_.exit()) more["exit"] = proto::to_json(*process_.exit());
    if (process_.failure()) more["error"] = proto::to_json(*process_.failure());
    hooks_.event(type, std::move(more));
}

boost::json::object WorkloadService::status() const {
    boost::json::object object{{"state", state()},
                               {"pid", process_.pid()},
                               {"argv", boost::json::value_from(process_.command().argv)},
                               {"run", life_.runs()},
                               {"ready", life_.is_ready()}};
    if (!said_.empty()) object["status"] = said_;
    if (process_.exit()) object["exit"] = proto::to_json(*process_.exit());
    if (process_.failure()) object["error"] = proto::to_json(*process_.failure());
    if (!process_.running() && exists()) object["ended"] = process_.describe();
    if (life_.phase() == Phase::waiting) object["pause_ms"] = life_.pause().count();
    return object;
}

Awaitable<> WorkloadService::wait_over() {
    while (exists() && life_.phase() != Phase::over) {
        Awaitable<> waiting = changed_.wait();
        co_await std::move(waiting);
    }
}

Awaitable<> WorkloadService::settled() {
    while (life_.phase() == Phase::starting || life_.phase() == Phase::stopping) {
        Awaitable<> waiting = changed_.wait();
        co_await std::move(waiting);
    }
}

sys::Result<> WorkloadService::resize(const proto::TerminalSize& size) {
    if (!has_terminal()) return sys::error_from(ENOTTY);
    if (!terminal_) return sys::error_from(ENODEV);
    return terminal_->resize(size);
}

} // namespace rouse
