// The workload's life inside the agent.

#include "agent/agent.hpp"
#include "agent/sys/clock.hpp"
#include "agent/sys/defence.hpp"
#include "agent/sys/users.hpp"

#include <fmt/format.h>

#include <unistd.h>

namespace rouse {

using namespace std::chrono_literals;

io::Awaitable<> Agent::supervise_workload() {
    if (workload_.command().argv.empty()) {
        announce_ready();
        co_return;
    }
    supervise::Stdio stdio{.in = -1, .out = STDOUT_FILENO, .err = STDERR_FILENO};
    std::optional<output::WorkloadPipes> pipes;
    if (options_.has_host) {
        // An unknown user is the spawner's to report; root may own the pipes until then.
        const sys::Result<sys::User> owner = sys::find_user(options_.config.workload.user);
        sys::Result<output::WorkloadPipes> opened =
            output_.open(owner ? owner->uid : 0, owner ? owner->gid : 0);
        if (opened) {
            pipes = std::move(*opened);
            stdio.out = pipes->out.get();
            stdio.err = pipes->err.get();
        } else {
            log_.error(fmt::format("cannot make the workload's pipes: {}, its output goes to the "
                                   "console",
                                   opened.error().message()));
        }
    } else {
        stdio.in = STDIN_FILENO;
    }
    std::function<void()> close_pipes = [&pipes] { pipes.reset(); };
    std::function<void()> started = [this] { workload_started(); };
    co_await workload_.run(stdio, std::move(close_pipes), std::move(started));
    if (sys::is_off(sys::Defence::exit_first)) (void)co_await output_.flushed(24h);
    workload_ended();
}

void Agent::workload_started() {
    output_.retained().changed().notify_all(); // Who attached waits for it.
    if (workload_.state() == Workload::State::failed) return;
    boost::json::object body{{"pid", workload_.pid()}};
    record(Audience::host, "workload_started", std::move(body));
    announce_ready();
}

void Agent::announce_ready() {
    if (!options_.timeline.ready) options_.timeline.ready = sys::since_boot();
    if (options_.is_vm) log_.info("READY");
}

void Agent::workload_ended() {
    if (workload_.running()) return; // cancelled with the program
    workload_over_.notify_all();
    output_.retained().changed().notify_all();
    const std::string how = workload_.describe();
    if (options_.is_vm || workload_.failure()) log_.info(fmt::format("workload ended: {}", how));
    boost::json::object body{{"ended", how}};
    if (workload_.exit()) body["exit"] = proto::to_json(*workload_.exit());
    if (workload_.failure()) body["error"] = proto::to_json(*workload_.failure());
    record(Audience::host, "workload_exit", std::move(body));
    output_.workload_exited();
    if (!options_.is_vm) return end(Ending::exit, how);
    if (options_.config.on_exit == proto::OnExit::stay) return announce_ready();
    end(options_.config.on_exit == proto::OnExit::reboot ? Ending::reboot : Ending::poweroff, how);
}

} // namespace rouse
