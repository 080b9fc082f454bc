#include "agent/supervise/child.hpp"

#include "agent/sys/signal_handlers.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <signal.h>

namespace rouse::supervise {

namespace asio = boost::asio;

struct Child::State {
    State(pid_t number, const asio::any_io_executor& executor) : pid(number), exited(executor) {
        exited.expires_at(asio::steady_timer::time_point::max());
    }

    pid_t pid;
    std::optional<proto::ExitStatus> status;
    SharedCgroup cgroup;       ///< may be empty
    asio::steady_timer exited; ///< never expires; cancelled at the exit, which wakes who waits
};

Child::Child(pid_t pid, Reaper& reaper, const asio::any_io_executor& executor)
    : state_(std::make_shared<State>(pid, executor)) {
    watch(reaper, nullptr);
}

Child::Child(pid_t pid, Reaper& reaper, const asio::any_io_executor& executor, SharedCgroup cgroup,
             Cgroups& cgroups)
    : state_(std::make_shared<State>(pid, executor)) {
    state_->cgroup = std::move(cgroup);
    watch(reaper, &cgroups);
}

void Child::watch(Reaper& reaper, Cgroups* cgroups) {
    reaper.watch(state_->pid, [state = state_, cgroups](const proto::ExitStatus& status) {
        state->status = status;
        if (state->cgroup) state->status->oom = state->cgroup->oom_killed();
        state->exited.cancel();
        if (cgroups != nullptr) cgroups->remove(state->cgroup);
    });
}

pid_t Child::pid() const {
    return state_->pid;
}

bool Child::running() const {
    return !state_->status.has_value();
}

const std::optional<proto::ExitStatus>& Child::status() const {
    return state_->status;
}

void Child::kill() {
    if (state_->cgroup) state_->cgroup->kill();
    // At once, too: the worker may have to wait for its turn.
    (void)signal_group(SIGKILL); // it is just ending at worst
    (void)signal(SIGKILL);       // before it leads a group it is in ours
}

sys::Result<> Child::signal_group(int number) {
    // The group exists as long as its leader is not reaped, so the number is ours until then.
    if (running() && ::kill(-state_->pid, number) < 0) return sys::last_error();
    return {};
}

std::size_t Child::signal_handlers(int number) {
    if (state_->cgroup) {
        const sys::Result<std::size_t> sent =
            sys::signal_handlers(state_->cgroup->directory(), number);
        if (sent) return *sent;
    }
    return running() && sys::signal_handler(state_->pid, number) ? 1 : 0;
}

sys::Result<sys::UniqueFd> Child::memory_events() const {
    if (!state_->cgroup) return sys::error_from(ENOENT);
    return sys::open_memory_events(state_->cgroup->directory());
}

sys::Result<> Child::signal(int number) {
    if (running() && ::kill(state_->pid, number) < 0) return sys::last_error();
    return {};
}

asio::awaitable<std::optional<proto::ExitStatus>> Child::wait() {
    // Held here: the Child may be moved or destroyed while this waits.
    return wait_for(state_);
}

asio::awaitable<std::optional<proto::ExitStatus>> Child::wait_for(std::shared_ptr<State> state) {
    const asio::cancellation_state cancelled = co_await asio::this_coro::cancellation_state;
    boost::system::error_code ignored; // always operation_aborted: the exit or a cancellation
    while (!state->status && cancelled.cancelled() == asio::cancellation_type::none)
        co_await state->exited.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    co_return state->status;
}

} // namespace rouse::supervise
