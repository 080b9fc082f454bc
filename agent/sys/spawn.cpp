#include "agent/sys/spawn.hpp"

#include "agent/sys/descriptor.hpp"
#include "agent/sys/pipe.hpp"
#include "agent/sys/spawn_child.hpp"

#include <array>
#include <bit>

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

/// Like fork(2), but without the handlers that pthread_atfork(3) has: our child needs none of them.
pid_t clone_process() {
    clone_args arguments{};
    arguments.exit_signal = SIGCHLD;
    const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
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
    switch (stage) {
    case SpawnStage::session:
        return "session";
    case SpawnStage::stdio:
        return "stdio";
    case SpawnStage::descriptors:
        return "descriptors";
    case SpawnStage::limits:
        return "limits";
    case SpawnStage::user:
        return "user";
    case SpawnStage::chdir:
        return "chdir";
    case SpawnStage::exec:
        return "exec";
    }
    return "unknown";
}

Result<Spawned> spawn(const SpawnPlan& plan) {
    Result<Pipe> pipe = make_pipe(PipeMode::nonblocking_read);
    if (!pipe) return pipe.error();
    const std::vector<char*> programs = pointers(plan.programs);
    const std::vector<char*> argv = pointers(plan.argv);
    const std::vector<char*> env = pointers(plan.env);
    const Credentials user = plan.user.value_or(Credentials{});
    const ChildPlan child{
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
        .stdio = {plan.in, plan.out, plan.err},
        .errors = pipe->write.get(),
    };
    const SignalsBlocked blocked;
    const pid_t pid = clone_process();
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
