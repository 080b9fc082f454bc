#include "tools/lab/cli/keeper.hpp"

#include "tools/lab/cli/control.hpp"
#include "tools/lab/cli/serve.hpp"
#include "tools/lab/cli/signals.hpp"
#include "tools/lab/error.hpp"

#include <boost/json/value_to.hpp>
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <exception>
#include <initializer_list>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rouse::lab::cli {
namespace {

namespace json = boost::json;

/// A keeper that was started and has not reported yet.
struct Started {
    std::string name;
    pid_t pid = 0;
    Descriptor report;
};

/// A keeper has no terminal: whoever waits for the end of `up`'s output must not wait for it.
void leave_terminal() {
    const Descriptor null(open("/dev/null", O_RDWR | O_CLOEXEC));
    for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        (void)dup2(null.get(), standard); // cannot fail: both are open
}

/// The life of a keeper; returns its exit status.
int keep(const KeeperPlan& plan, int report) {
    try {
        Machine machine = plan.make();
        const State state = describe(machine);
        save(state);
        const Descriptor control = listen_control(machine_folder(plan.name));
        leave_terminal();
        // From here on the machine lives without the command that started it.
        (void)prctl(PR_SET_PDEATHSIG, 0);
        if (!write_json_line(report, to_json(state))) return 1; // that command is already gone
        close(report);
        serve(machine, control.get());
        return 0;
    } catch (const std::exception& problem) {
        // Nobody reads it only when `up` is gone, and then nobody cares.
        (void)write_json_line(report, {{"error", problem.what()}});
        return 1;
    }
}

Started start_keeper(const KeeperPlan& plan) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        throw LabError(fmt::format("cannot make a pipe: {}", errno_text(errno)));
    Started started{.name = plan.name, .pid = 0, .report = Descriptor(ends[0])};
    Descriptor writer(ends[1]);
    const pid_t parent = getpid();
    started.pid = fork();
    if (started.pid < 0) throw LabError(fmt::format("cannot fork: {}", errno_text(errno)));
    if (started.pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); // takes effect, or the next line sees the death
        if (getppid() != parent) _exit(1);
        (void)setsid(); // cannot fail after fork
        started.report.reset();
        _exit(keep(plan, ends[1]));
    }
    return started;
}

/// Ends keepers that are starting, waits until everything they started is gone, removes what they
/// left.
void abandon(const std::vector<Started>& keepers) {
    for (const auto& keeper : keepers)
        kill(keeper.pid, SIGKILL);
    // Their children became ours (we are a subreaper) and are being killed by the kernel.
    while (waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
    }
    std::error_code ignored; // the next command sweeps what is left
    for (const auto& keeper : keepers) {
        // Another command may have won the race for the name: then the folder is its own.
        const auto folder = machine_folder(keeper.name);
        if (!is_held(folder)) std::filesystem::remove_all(folder, ignored);
    }
}

/// Waits for a keeper's report or a signal.
State wait_report(const Started& keeper, const SignalGuard& signals) {
    std::array<pollfd, 2> ready{pollfd{.fd = keeper.report.get(), .events = POLLIN, .revents = 0},
                                pollfd{.fd = signals.descriptor(), .events = POLLIN, .revents = 0}};
    while (poll(ready.data(), ready.size(), -1) < 0 && errno == EINTR) {
    }
    if (const int signal = signals.take(); signal != 0) throw Interrupted{signal};
    const json::object report =
        read_json_line(keeper.report.get(), Deadline(std::chrono::hours(1)));
    if (const json::value* error = report.if_contains("error"))
        throw LabError(json::value_to<std::string>(*error));
    return from_json(report);
}

} // namespace

std::vector<State> start_keepers(const std::vector<KeeperPlan>& plans) {
    const SignalGuard signals;
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1); // refused only by kernels older than any we know
    for (const auto& plan : plans)
        if (is_held(machine_folder(plan.name)))
            throw LabError(fmt::format("machine '{0}' already runs; end it with 'rouse-lab down "
                                       "{0}'",
                                       plan.name));
    std::vector<Started> keepers;
    std::vector<State> states;
    try {
        for (const auto& plan : plans)
            keepers.push_back(start_keeper(plan));
        for (const auto& keeper : keepers)
            states.push_back(wait_report(keeper, signals));
    } catch (...) {
        abandon(keepers);
        throw;
    }
    return states;
}

} // namespace rouse::lab::cli
