#include "agent/sys/spawn_child.hpp"

#include "agent/sys/defence.hpp"
#include "agent/sys/job_control.hpp"
#include "agent/sys/signals.hpp"
#include "agent/sys/spawn_capabilities.hpp"

#include <cerrno>

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace rouse::sys {

namespace {

constexpr rlim_t usual_open_files = 1024;       // what select(2) can bear
constexpr rlim_t most_open_files = 512 * 1024L; // what systemd gives its services

[[noreturn]] void give_up(int errors, SpawnStage stage, int item = -1) noexcept {
    const SpawnError error{.stage = stage, .number = errno, .item = item};
    const ssize_t written = ::write(errors, &error, sizeof error);
    (void)written; // nobody is left to tell; the exit status has to do
    ::_exit(127);
}

/// A copy of `fd` that no dup2 onto 0, 1 or 2 overwrites. Close-on-exec.
int moved_up(int fd) noexcept {
    return fd > STDERR_FILENO ? fd : ::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

/// Puts the three descriptors in place. The plan may name any of 0, 1 and 2 in any order, and one
/// of them several times.
bool place_stdio(const std::array<int, 3>& wanted) noexcept {
    std::array<int, 3> sources{};
    for (std::size_t i = 0; i < sources.size(); ++i) {
        const int fd = wanted[i] >= 0 ? wanted[i] : ::open("/dev/null", O_RDWR | O_CLOEXEC);
        sources[i] = fd < 0 ? -1 : moved_up(fd);
        if (sources[i] < 0) return false;
    }
    for (std::size_t i = 0; i < sources.size(); ++i)
        if (::dup2(sources[i], static_cast<int>(i)) < 0) return false;
    return true;
}

bool close_between(unsigned first, unsigned last) noexcept {
    // Before 5.9 there is no such call, and close-on-exec has to do.
    return first > last || ::syscall(SYS_close_range, first, last, 0U) == 0 || errno == ENOSYS;
}

/// Closes at once what close-on-exec would close later: a child that hangs before its exec must not
/// hold a pipe end or a vsock connection open.
bool close_all_but(int errors) noexcept {
    if (is_off(Defence::close_range)) return true;
    const auto kept = static_cast<unsigned>(errors);
    return close_between(STDERR_FILENO + 1, kept - 1) && close_between(kept + 1, ~0U);
}

/// The group is the process's own number either way, so that it can be signalled as a whole.
bool begin_session(Leads leads) noexcept {
    return leads == Leads::session ? ::setsid() >= 0 : ::setpgid(0, 0) == 0;
}

/// One write; "0" in cgroup.procs is the writer itself.
bool write_text(int directory, const char* path, const char* text, std::size_t length) noexcept {
    const int file = ::openat(directory, path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return false;
    const ssize_t written = ::write(file, text, length);
    const int number = errno;
    (void)::close(file); // nothing was buffered
    errno = number;
    return written == static_cast<ssize_t>(length);
}

std::size_t length_of(const char* text) noexcept {
    std::size_t length = 0;
    while (text[length] != '\0')
        ++length;
    return length;
}

/// The agent may be spared by the out-of-memory killer; what it starts is not. To lower the score
/// takes a capability that a container may lack, and there may be no /proc: only a score that was
/// asked for must be had.
bool set_oom_score(const ChildPlan& plan) noexcept {
    return write_text(AT_FDCWD, "/proc/self/oom_score_adj", plan.oom_score,
                      length_of(plan.oom_score)) ||
           plan.attributes->oom_score_adj == 0;
}

bool limit_open_files() noexcept {
    rlimit limit{.rlim_cur = usual_open_files, .rlim_max = most_open_files};
    if (::setrlimit(RLIMIT_NOFILE, &limit) == 0) return true;
    // Without CAP_SYS_RESOURCE the hard limit stays.
    if (::getrlimit(RLIMIT_NOFILE, &limit) < 0) return false;
    limit.rlim_cur = limit.rlim_max < usual_open_files ? limit.rlim_max : usual_open_files;
    return ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

bool set_rlimits(const SpawnAttributes& attributes, int& item) noexcept {
    if (!limit_open_files()) return false;
    for (const Rlimit& wanted : attributes.rlimits) {
        ++item;
        const rlimit64 limit{.rlim_cur = wanted.soft, .rlim_max = wanted.hard};
        if (::syscall(SYS_prlimit64, 0, wanted.resource, &limit, nullptr) < 0) return false;
    }
    return true;
}

/// System calls, because the C library's functions address every thread that it believes this
/// process to have, and the list in our copy of its memory is the parent's. Source: nptl(7).
bool become_user(const ChildPlan& plan) noexcept {
    return ::syscall(SYS_setgroups, plan.group_count, plan.groups) == 0 &&
           ::syscall(SYS_setresgid, plan.gid, plan.gid, plan.gid) == 0 &&
           ::syscall(SYS_setresuid, plan.uid, plan.uid, plan.uid) == 0;
}

/// User, groups and capabilities, in the order in which each step still has what it needs.
void become_somebody(const ChildPlan& plan, int errors) noexcept {
    const CapabilityMasks& masks = plan.attributes->capabilities;
    const bool is_root = (plan.change_user ? plan.uid : ::geteuid()) == 0;
    int item = -1;
    if (masks.change() && !limit_capabilities(masks, !is_root && masks.add != 0, item))
        give_up(errors, SpawnStage::capabilities, item);
    if (plan.change_user && !become_user(plan)) give_up(errors, SpawnStage::user);
    item = -1;
    if (masks.change() && !set_capabilities(masks, is_root, item))
        give_up(errors, SpawnStage::capabilities, item);
    if (plan.attributes->no_new_privs && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        give_up(errors, SpawnStage::capabilities);
}

bool enter_directory(const ChildPlan& plan) noexcept {
    if (::chdir(plan.cwd) == 0) return true;
    return plan.cwd_fallback != nullptr && ::chdir(plan.cwd_fallback) == 0;
}

/// Returns whose it was before, or 0. From the background this would stop us, were not all signals
/// blocked still. A terminal that was hung up meanwhile is for the program to notice.
pid_t take_foreground() noexcept {
    pid_t before = 0;
    if (::ioctl(STDIN_FILENO, TIOCGPGRP, &before) < 0) return 0;
    (void)give_foreground(STDIN_FILENO, static_cast<pid_t>(::syscall(SYS_getpid)));
    return before;
}

/// Without a program nobody would know that it was ours. A shell that has given it to somebody else
/// meanwhile is not disturbed, nor may it stop us for the attempt. Keeps errno.
void return_foreground(pid_t group) noexcept {
    const int number = errno;
    sigset_t all{};
    (void)::sigfillset(&all);
    (void)::sigprocmask(SIG_SETMASK, &all, nullptr); // fails for no valid set
    pid_t present = 0;
    if (::ioctl(STDIN_FILENO, TIOCGPGRP, &present) == 0 &&
        present == static_cast<pid_t>(::syscall(SYS_getpid)))
        (void)give_foreground(STDIN_FILENO, group); // it may be gone
    errno = number;
}

/// Tries the paths in turn as execvp(3) does: what may not be executed is remembered while the
/// search goes on, what is absent is passed over, anything else ends it.
void execute(const ChildPlan& plan) noexcept {
    bool forbidden = false;
    for (const char* const* program = plan.programs; *program != nullptr; ++program) {
        (void)::execve(*program, plan.argv, plan.env);
        if (errno == EACCES)
            forbidden = true;
        else if (errno != ENOENT && errno != ENOTDIR)
            return;
    }
    if (forbidden) errno = EACCES;
}

} // namespace

void run_child(const ChildPlan& plan) noexcept {
    const int errors = moved_up(plan.errors);
    const SpawnAttributes& attributes = *plan.attributes;
    int item = -1;
    if (!begin_session(plan.leads)) give_up(errors, SpawnStage::session);
    if (plan.joins_cgroup && !write_text(plan.cgroup, "cgroup.procs", "0", 1))
        give_up(errors, SpawnStage::cgroup);
    if (!place_stdio(plan.stdio)) give_up(errors, SpawnStage::stdio);
    if (plan.terminal && ::ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0)
        give_up(errors, SpawnStage::terminal);
    if (!close_all_but(errors)) give_up(errors, SpawnStage::descriptors);
    if (!set_oom_score(plan)) give_up(errors, SpawnStage::oom_score);
    if (!set_rlimits(attributes, item)) give_up(errors, SpawnStage::rlimits, item);
    become_somebody(plan, errors);
    if (!enter_directory(plan)) give_up(errors, SpawnStage::chdir);
    if (attributes.umask != SpawnAttributes::keep_umask)
        (void)::umask(static_cast<mode_t>(attributes.umask)); // the old one interests nobody
    // The last thing before the program, so that nothing else can fail with it.
    const pid_t before = plan.leads == Leads::foreground_group ? take_foreground() : 0;
    reset_signals();
    errno = ENOENT; // for a plan without any path
    execute(plan);
    if (before > 0) return_foreground(before);
    give_up(errors, SpawnStage::exec);
}

} // namespace rouse::sys
