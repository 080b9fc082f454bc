#include "agent/supervise/spawner.hpp"

#include "agent/supervise/command_plan.hpp"
#include "agent/sys/late.hpp"
#include "proto/kernel_names.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>

#include <signal.h>

namespace rouse::supervise {

namespace asio = boost::asio;

namespace {

using namespace asio::experimental::awaitable_operators;

constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds exec_deadline(10);

/// The n-th name of the limits that were asked for, in the order of the plan.
std::string rlimit_name(const proto::Command& command, int item) {
    const auto& rlimits = command.attributes.rlimits;
    if (item < 0 || static_cast<std::size_t>(item) >= rlimits.size()) return "nofile";
    return std::next(rlimits.begin(), item)->first;
}

/// What the stage was about, for the report.
std::string subject(const sys::SpawnError& error, const proto::Command& command) {
    switch (error.stage) {
    case sys::SpawnStage::exec:
        return command.argv.front();
    case sys::SpawnStage::chdir:
        return command.cwd;
    case sys::SpawnStage::user:
        return command.user;
    case sys::SpawnStage::rlimits:
        return rlimit_name(command, error.item);
    case sys::SpawnStage::capabilities:
        return error.item < 0 ? "" : proto::capability_name(static_cast<unsigned>(error.item));
    case sys::SpawnStage::oom_score:
        return std::to_string(command.attributes.oom_score_adj);
    default:
        return "";
    }
}

/// A start that fails or is cancelled leaves nothing running.
class KillsUnlessStarted {
public:
    explicit KillsUnlessStarted(Child& child) : child_(child) {}
    KillsUnlessStarted(const KillsUnlessStarted&) = delete;
    KillsUnlessStarted& operator=(const KillsUnlessStarted&) = delete;
    KillsUnlessStarted(KillsUnlessStarted&&) = delete;
    KillsUnlessStarted& operator=(KillsUnlessStarted&&) = delete;
    ~KillsUnlessStarted() {
        if (!ended_) child_.kill();
    }

    void set_ended() { ended_ = true; }

private:
    Child& child_;
    bool ended_ = false;
};

/// Counts a start as long as it lasts.
class Counts {
public:
    explicit Counts(std::size_t& count) : count_(count) { ++count_; }
    Counts(const Counts&) = delete;
    Counts& operator=(const Counts&) = delete;
    Counts(Counts&&) = delete;
    Counts& operator=(Counts&&) = delete;
    ~Counts() { --count_; }

private:
    std::size_t& count_;
};

/// Waits until the error pipe says something or ends. Errors: ETIMEDOUT at the deadline;
/// operation_aborted when cancelled; those of the descriptor.
asio::awaitable<sys::Result<sys::ReadSpawnReport>> wait_for_report(asio::any_io_executor executor,
                                                                   sys::UniqueFd errors) {
    asio::posix::stream_descriptor pipe(executor);
    sys::error_code error;
    pipe.assign(errors.get(), error);
    if (error) co_return error;
    const int fd = errors.release();
    asio::steady_timer deadline(executor, exec_deadline);
    sys::SecondChance second;
    for (;;) {
        const sys::Result<sys::ReadSpawnReport> read = sys::read_spawn_report(fd);
        if (!read || read->report != sys::SpawnReport::pending) co_return read;
        auto either = pipe.async_wait(asio::posix::stream_descriptor::wait_read, no_throw) ||
                      deadline.async_wait(no_throw);
        const auto first = co_await std::move(either);
        const bool timed_out = first.index() == 1;
        const sys::error_code failed =
            timed_out ? std::get<0>(std::get<1>(first)) : std::get<0>(std::get<0>(first));
        if (failed) co_return failed;
        if (!timed_out) continue;
        if (!second.take(deadline.expiry(), std::chrono::steady_clock::now()))
            co_return sys::error_from(ETIMEDOUT);
        deadline.expires_after(exec_deadline);
    }
}

} // namespace

Spawner::Spawner(Reaper& reaper, asio::any_io_executor executor, Cgroups* cgroups)
    : reaper_(reaper), executor_(std::move(executor)), cgroups_(cgroups) {}

asio::awaitable<StartResult> Spawner::start(proto::Command command, Stdio stdio,
                                            std::string session, Tree tree) {
    const Counts counts(starting_);
    auto prepared = make_plan(command);
    if (auto* failure = std::get_if<proto::SpawnFailure>(&prepared)) co_return std::move(*failure);
    sys::SpawnPlan plan = std::get<sys::SpawnPlan>(std::move(prepared));
    plan.in = stdio.in;
    plan.out = stdio.out;
    plan.err = stdio.err;
    plan.terminal = stdio.terminal;
    plan.leads = stdio.leads;
    SharedCgroup cgroup;
    if (cgroups_ != nullptr && !session.empty()) {
        auto making = cgroups_->make(std::move(session), command.attributes.cgroup, tree);
        Cgroups::Made made = co_await std::move(making);
        if (auto* failure = std::get_if<proto::SpawnFailure>(&made)) co_return std::move(*failure);
        cgroup = std::get<SharedCgroup>(std::move(made));
    } else if (command.attributes.cgroup != proto::CgroupLimits{}) {
        co_return make_failure("cgroup", sys::error_from(ENOTSUP), "");
    }
    // No suspension until the process has the group: whoever is cancelled here would leave it.
    sys::Result<Begun> begun = begin(std::move(plan), std::move(cgroup));
    if (!begun) co_return make_failure("fork", begun.error(), "");
    KillsUnlessStarted unless_started(begun->child);
    auto waiting = wait_for_report(executor_, std::move(begun->errors));
    const sys::Result<sys::ReadSpawnReport> report = co_await std::move(waiting);
    if (!report) co_return make_failure("exec", report.error(), command.argv.front());
    unless_started.set_ended();
    if (report->report == sys::SpawnReport::executed) co_return std::move(begun->child);
    co_return make_failure(sys::name(report->error.stage), sys::error_from(report->error.number),
                           subject(report->error, command));
}

sys::Result<Spawner::Begun> Spawner::begin(sys::SpawnPlan plan, SharedCgroup cgroup) {
    if (cgroup) plan.cgroup = cgroup->directory();
    sys::Result<sys::Spawned> spawned = sys::spawn(plan);
    if (!spawned && cgroup) cgroups_->remove(std::move(cgroup));
    if (!spawned) return spawned.error();
    // Before anything can suspend: the reaper must know the pid before it can meet it.
    Child child = cgroup ? Child(spawned->pid, reaper_, executor_, std::move(cgroup), *cgroups_)
                         : Child(spawned->pid, reaper_, executor_);
    return Begun{.child = std::move(child), .errors = std::move(spawned->errors)};
}

} // namespace rouse::supervise
