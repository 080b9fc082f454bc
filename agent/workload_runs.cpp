// One run of the workload: what it gets, and how it is found to be ready.

#include "agent/io/race.hpp"
#include "agent/sys/cgroup.hpp"
#include "agent/sys/defence.hpp"
#include "agent/sys/users.hpp"
#include "agent/workload/readiness.hpp"
#include "agent/workload_service.hpp"

#include <fmt/format.h>

#include <csignal>
#include <utility>

#include <unistd.h>

namespace rouse {

using io::Awaitable;
using namespace std::chrono_literals;

namespace {

/// Until the kernel counts another event of memory.events.
Awaitable<> memory_event(io::Descriptor& events) {
    auto waited = co_await events.async_wait(io::Descriptor::wait_error, io::no_throw);
    (void)waited; // The next look finds out; a cancelled task throws there.
}

} // namespace

Awaitable<> WorkloadService::run_once() {
    if (life_.runs() > 1 || first_run_ == FirstRun::when_allowed) {
        // A run that the boot has not begun by itself may come in the middle of a restore.
        Awaitable<> waiting = hooks_.may_start();
        co_await std::move(waiting);
        // Nobody wants it any more.
        if (life_.is_ending()) co_return hear(life_.ended(std::chrono::steady_clock::now(), false));
    }
    run_began_ = std::chrono::steady_clock::now();
    const sys::Result<supervise::Stdio> stdio = make_stdio();
    std::function<void()> given = [this] { give_up_stdio(); };
    std::function<void()> started = [this] { run_started(); };
    if (stdio) {
        Awaitable<> running = process_.run(*stdio, std::move(given), std::move(started));
        co_await std::move(running);
    } else {
        process_.fail("terminal", stdio.error());
    }
    if (process_.running()) co_return; // cancelled with the program
    if (sys::is_off(sys::Defence::exit_first) && parts_.output != nullptr) {
        Awaitable<> waiting = until_flushed();
        co_await std::move(waiting);
    }
    run_ended();
}

/// What EXIT would wait for without its defence; not for ever, so that the program can end.
Awaitable<> WorkloadService::until_flushed() {
    constexpr auto step = 100ms;
    bool flushed = false;
    while (!flushed && !life_.is_ending()) {
        Awaitable<bool> flushing = parts_.output->flushed(step);
        flushed = co_await std::move(flushing);
    }
}

sys::Result<supervise::Stdio> WorkloadService::make_stdio() {
    if (parts_.output == nullptr)
        return supervise::Stdio{.in = STDIN_FILENO,
                                .out = STDOUT_FILENO,
                                .err = STDERR_FILENO,
                                .terminal = false,
                                .leads = our_terminal_->leads()};
    if (!std::exchange(pipes_opened_, true)) open_pipes();
    if (!pipes_) // They could not be made, which was said.
        return supervise::Stdio{.in = -1, .out = STDOUT_FILENO, .err = STDERR_FILENO};
    if (has_terminal()) return make_terminal();
    // A stream that has ended already has no write end, and the run gets /dev/null.
    return supervise::Stdio{.in = -1, .out = pipes_->out.get(), .err = pipes_->err.get()};
}

void WorkloadService::open_pipes() {
    // An unknown user is the spawner's to report; root may own the pipes until then.
    const sys::Result<sys::User> user = sys::find_user(config_.workload.user);
    sys::Result<output::WorkloadPipes> opened =
        parts_.output->open(user ? user->uid : 0, user ? user->gid : 0);
    if (opened) {
        pipes_ = std::move(*opened);
    } else {
        pipes_opened_ = false;
        hooks_.warn(fmt::format("cannot make the workload's pipes: {}, its output goes to the "
                                "console",
                                opened.error().message()));
    }
}

sys::Result<supervise::Stdio> WorkloadService::make_terminal() {
    output::WorkloadPipes ends = parts_.output->write_ends(sys::WriteMode::nonblocking);
    auto made =
        WorkloadTerminal::make(executor_, *config_.supervision.tty, owner(), std::move(ends.out));
    if (!made) return made.error();
    terminal_ = std::move(*made);
    pipes_->err.reset(); // A terminal has one output.
    parts_.tasks.spawn("terminal output", terminal_->relay_output());
    parts_.tasks.spawn("terminal input",
                       terminal_->feed(input_, parts_.output->retained().changed()));
    return terminal_->stdio();
}

uid_t WorkloadService::owner() const {
    if (config_.workload.user.empty()) return ::geteuid(); // it stays who we are
    const sys::Result<sys::User> user = sys::find_user(config_.workload.user);
    return user ? user->uid : 0;
}

/// The process has its own copies.
void WorkloadService::give_up_stdio() {
    if (terminal_) terminal_->give_up_slave();
    // Without another run to come its streams end when it closes them.
    if (!life_.may_run_again()) pipes_.reset();
}

void WorkloadService::run_started() {
    hooks_.changed();
    if (process_.state() == Workload::State::failed) return;
    hooks_.event("workload_started", {{"pid", process_.pid()}, {"run", life_.runs()}});
    hear(life_.started(std::chrono::steady_clock::now()));
    parts_.tasks.spawn("memory of the workload", watch_memory(life_.runs()));
    if (config_.supervision.ready.is_asked())
        parts_.tasks.spawn("readiness", look_until_ready(life_.runs()));
    look_for_stop(); // whose SIGCHLD came before this: it would wait, and so would the shell
}

void WorkloadService::run_ended() {
    if (our_terminal_ && process_.pid() > 0) our_terminal_->ended(process_.pid());
    if (terminal_) {
        terminal_->end_input();
        parts_.tasks.spawn("terminal drain",
                           terminal_->drain(proto::limits::drain_deadline_workload));
    }
    terminal_.reset();
    const std::optional<proto::ExitStatus>& exit = process_.exit();
    const bool success = exit && proto::shell_exit_code(*exit) == 0;
    hear(life_.ended(std::chrono::steady_clock::now(), success));
}

Awaitable<> WorkloadService::look_until_ready(std::uint64_t run) {
    const proto::ReadyConfig& ready = config_.supervision.ready;
    proto::Command command = process_.command();
    Awaitable<> looking =
        workload::until_ready(parts_.spawner, executor_, ready, std::move(command));
    const auto is_wanted = [this, run] {
        return life_.runs() == run && life_.phase() == workload::Phase::running &&
               !life_.is_ready();
    };
    Awaitable<> unwanted = until_unwanted(is_wanted);
    Awaitable<io::Winner> racing = io::race(std::move(looking), std::move(unwanted));
    const io::Winner winner = co_await std::move(racing);
    if (winner == io::Winner::first && is_wanted()) hear(life_.ready());
}

/// Tells of processes that were killed while the workload goes on; its exit says the same of the
/// whole run.
Awaitable<> WorkloadService::watch_memory(std::uint64_t run) {
    sys::Result<sys::UniqueFd> opened = process_.memory_events();
    io::Descriptor events(executor_);
    io::error_code error = opened ? io::error_code() : opened.error();
    if (!error) events.assign(opened->get(), error);
    if (error) co_return; // Without the controller there is nothing to tell.
    const int fd = opened->release();
    std::uint64_t told = 0;
    while (life_.runs() == run && process_.running()) {
        const sys::Result<std::uint64_t> kills = sys::oom_kills(fd);
        if (!kills) co_return;
        if (*kills > told) hooks_.event("workload_oom", {{"run", run}, {"kills", *kills}});
        told = *kills;
        // The kernel says nothing here when the group goes with its processes.
        Awaitable<> waiting = memory_event(events);
        Awaitable<> unwanted =
            until_unwanted([this, run] { return life_.runs() == run && process_.running(); });
        Awaitable<io::Winner> racing = io::race(std::move(waiting), std::move(unwanted));
        const io::Winner winner = co_await std::move(racing);
        if (winner == io::Winner::second) co_return;
    }
}

Awaitable<> WorkloadService::until_unwanted(std::function<bool()> is_wanted) {
    while (is_wanted()) {
        Awaitable<> waiting = changed_.wait();
        co_await std::move(waiting);
    }
}

void WorkloadService::pass_on(int number, bool to_group) {
    const bool of_terminal = our_terminal_ && number == SIGCONT && process_.running();
    if (of_terminal) our_terminal_->continued(process_.pid());
    // A terminal stops the group, so the whole of it has to go on.
    process_.pass_on(number, to_group || of_terminal);
}

void WorkloadService::look_for_stop() {
    if (our_terminal_ && process_.running()) our_terminal_->look(process_.pid());
}

void WorkloadService::listen_for_ready(const std::string& directory) {
    const sys::Result<> opened = notifications_.open(directory, owner());
    if (!opened)
        return hooks_.warn(
            fmt::format("cannot listen for the workload's READY=1: {}", opened.error().message()));
    process_.set_variable("NOTIFY_SOCKET", notifications_.name());
    parts_.tasks.keep("notifications", [this] {
        return notifications_.run(
            [this](const workload::NotifyMessage& message) { hear_notification(message); });
    });
}

void WorkloadService::hear_notification(const workload::NotifyMessage& message) {
    if (message.status) hear_status(*message.status);
    if (message.extend) life_.extend_ready(std::chrono::steady_clock::now() + *message.extend);
    hear(message.ready ? life_.ready() : workload::Orders());
}

/// A workload may count its progress there. Each word is one for the host and one for the VMM, and
/// the queue for the host is short: at most one a second, the newest.
void WorkloadService::hear_status(const std::string& status) {
    if (status == said_) return;
    said_ = status;
    if (std::exchange(status_waits_, true)) return;
    if (std::chrono::steady_clock::now() >= next_status_) return tell_status();
    parts_.tasks.spawn("status of the workload", tell_status_later());
}

Awaitable<> WorkloadService::tell_status_later() {
    // It may have been told meanwhile, because the workload has ended.
    for (auto now = std::chrono::steady_clock::now(); status_waits_ && now < next_status_;
         now = std::chrono::steady_clock::now()) {
        Awaitable<> pausing =
            io::expire(std::chrono::ceil<std::chrono::milliseconds>(next_status_ - now));
        co_await std::move(pausing);
    }
    tell_status();
}

void WorkloadService::tell_status() {
    if (!std::exchange(status_waits_, false) || said_ == told_) return;
    next_status_ = std::chrono::steady_clock::now() + 1s;
    told_ = said_;
    hooks_.status(told_);
}

} // namespace rouse
