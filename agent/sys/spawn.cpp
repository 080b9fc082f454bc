#include "agent/sys/spawn.hpp"

#include "agent/sys/descriptor.hpp"
#include "agent/sys/pipe.hpp"
#include "agent/sys/spawn_child.hpp"

#include <array>
#include <bit>
#include <cstddef>

#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace rouse::sys {

namespace {

/// Pointers to the strings, and a null pointer at the end. Borrows the strings.
std::vector<char*> pointers(const std::vector<std::string>& strings) {
    std::vector<char*> result;
    result.reserve(strings.size() + 1);
    // execve(2) takes char* for history's sake and writes to none of them.
    for (const std::string& text : strings)
        result.push_back(const_cast<char*>(text.c_str()));
    result.push_back(nullptr);
    return result;
}

long clone3(clone_args arguments) {
    arguments.exit_signal = SIGCHLD;
    return ::syscall(SYS_clone3, &arguments, sizeof arguments);
}

/// Like fork(2), but without the handlers that pthread_atfork(3) has: our child needs none of them.
/// In the child `joins` says whether it still has to move to the cgroup.
pid_t clone_process(int cgroup, bool& joins) {
    joins = false;
    if (cgroup >= 0) {
        clone_args into{};
        into.flags = CLONE_INTO_CGROUP;
        into.cgroup = static_cast<__u64>(cgroup);
        const long pid = clone3(into);
        // Older kernels do not know the flag, or a structure that is so long.
        if (pid >= 0 || (errno != ENOSYS && errno != EINVAL && errno != E2BIG))
            return static_cast<pid_t>(pid);
        joins = true;
    }
    const long pid = clone3({});
    if (pid >= 0 || errno != ENOSYS) return static_cast<pid_t>(pid);
    // Older container engines refuse clone3 in a way that asks for the older call.
    return static_cast<pid_t>(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, 0));
}

/// Blocks every signal while it lives: a handler of the parent must not run in the child.
class SignalsBlocked {
public:
    SignalsBlocked() {
        sigset_t all{};
        (void)::sigfillset(&all);
        (void)::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;
    ~SignalsBlocked() { (void)::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_{};
};

} // namespace

const char* name(SpawnStage stage) {
    static constexpr std::array names{"session",      "cgroup",        "stdio",   "terminal",
                                      "descriptors",  "oom_score_adj", "rlimits", "user",
                                      "capabilities", "chdir",         "exec"};
    const auto index = static_cast<std::size_t>(stage);
    return index < names.size() ? names.at(index) : "unknown";
}

Result<Spawned> spawn(const SpawnPlan& plan) {
    Result<Pipe> pipe = make_pipe(PipeMode::nonblocking_read);
    if (!pipe) return pipe.error();
    const std::vector<char*> programs = pointers(plan.programs);
    const std::vector<char*> argv = pointers(plan.argv);
    const std::vector<char*> env = pointers(plan.env);
    const std::string oom_score = std::to_string(plan.attributes.oom_score_adj);
    const Credentials user = plan.user.value_or(Credentials{});
    ChildPlan child{
        .programs = programs.data(),
        .argv = argv.data(),
        .env = env.data(),
        .cwd = plan.cwd.c_str(),
        .cwd_fallback = plan.cwd_fallback.empty() ? nullptr : plan.cwd_fallback.c_str(),
        .change_user = plan.user.has_value(),
        .uid = user.uid,
        .gid = user.gid,
        .groups = user.groups.data(),
        .group_count = user.groups.size(),
        .attributes = &plan.attributes,
        .oom_score = oom_score.c_str(),
        .stdio = {plan.in, plan.out, plan.err},
        .leads = plan.leads,
        .terminal = plan.terminal,
        .cgroup = plan.cgroup,
        .errors = pipe->write.get(),
    };
    const SignalsBlocked blocked;
    const pid_t pid = clone_process(plan.cgroup, child.joins_cgroup);
    if (pid < 0) return last_error();
    if (pid == 0) run_child(child);
    return Spawned{.pid = pid, .errors = std::move(pipe->read)};
}

Result<ReadSpawnReport> read_spawn_report(int errors) {
    std::array<char, sizeof(SpawnError)> bytes{};
    const Result<Moved> moved = read_some(errors, bytes);
    if (!moved) return moved.error();
    if (moved->outcome == IoOutcome::would_block) return ReadSpawnReport{};
    if (moved->outcome == IoOutcome::end_of_stream)
        return ReadSpawnReport{.report = SpawnReport::executed, .error = {}};
    // A write of this size to a pipe is all or nothing (pipe(7), PIPE_BUF).
    if (moved->bytes != bytes.size()) return error_from(EPROTO);
    return ReadSpawnReport{.report = SpawnReport::failed,
                           .error = std::bit_cast<SpawnError>(bytes)};
}

} // namespace rouse::sys
