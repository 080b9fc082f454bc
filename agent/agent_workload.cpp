// The workload's life inside the agent.

#include "agent/agent.hpp"
#include "agent/io/race.hpp"
#include "agent/sys/clock.hpp"
#include "proto/fields.hpp"

#include <fmt/format.h>

#include <utility>

namespace rouse {

using namespace std::chrono_literals;

namespace {

/// Beyond the grace of the workload: for the end of what was killed.
constexpr std::chrono::milliseconds settling_patience = 5s;

io::HttpReply cannot_reply(const WorkloadService& workload) {
    if (!workload.exists())
        return io::HttpReply::error(409, "no_workload", "this guest has no workload");
    if (workload.life().phase() == workload::Phase::idle)
        return io::HttpReply::error(409, "not_begun",
                                    "the workload waits for the boot document of this guest");
    return io::HttpReply::error(409, "ended", "the workload has ended, and its output with it");
}

/// Nothing, an empty object: whatever else is said is not understood.
std::optional<io::HttpReply> refuse_body(const std::string& body) {
    if (body.empty()) return std::nullopt;
    const proto::Parsed<boost::json::value> value = proto::parse_json(body);
    if (value && value->is_object() && value->get_object().empty()) return std::nullopt;
    return io::HttpReply::error(400, "bad_request", "$: must be an empty object");
}

} // namespace

WorkloadHooks Agent::workload_hooks() {
    WorkloadHooks hooks;
    hooks.event = [this](std::string_view type, boost::json::object body) {
        record(Audience::host, type, std::move(body));
    };
    hooks.warn = [this](const std::string& line) { log_.warn(line); };
    hooks.may_start = [this] { return wait_for_gate(); };
    hooks.ready = [this] { announce_ready(); };
    hooks.status = [this](const std::string& status) {
        record(Audience::host, "workload_status", {{"status", status}});
        vmm_.say_status(status);
    };
    hooks.changed = [this] { output_.retained().changed().notify_all(); };
    hooks.over = [this] { workload_over(); };
    return hooks;
}

void Agent::begin_workload() {
    if (waits_for_boot()) return wait_for_boot();
    workload_begun_ = true;
    workload_.begin(options_.is_vm ? "/run/rouse" : "", WorkloadService::FirstRun::at_once);
}

/// A run that begins in the middle of a restore waits for its end, like every exec; nobody gives
/// its start up, and the end of the agent opens the gate.
io::Awaitable<> Agent::wait_for_gate() {
    while (options_.has_host) {
        io::Awaitable<std::optional<io::HttpReply>> passing = pass_spawn_gate();
        const std::optional<io::HttpReply> refused = co_await std::move(passing);
        if (!refused || ending_) co_return;
        io::Awaitable<> pausing = io::expire(100ms);
        co_await std::move(pausing);
    }
}

void Agent::announce_ready() {
    if (!options_.timeline.ready) options_.timeline.ready = sys::since_boot();
    // Said anew after each restart of the workload, but a machine boots once.
    if (!std::exchange(said_ready_, true)) tell_vmm_generation("READY=1");
    if (options_.is_vm) log_.info("READY");
}

void Agent::workload_over() {
    const Workload& process = workload_.process();
    const std::string how = process.describe();
    vmm_.say(workload::exit_words(process.exit(), process.shell_exit_code()));
    if (options_.is_vm || process.failure()) log_.info(fmt::format("workload ended: {}", how));
    if (!options_.is_vm) return end(Ending::exit, how);
    if (options_.config.on_exit == proto::OnExit::reboot) return end(Ending::reboot, how);
    if (options_.config.on_exit == proto::OnExit::poweroff) return end(Ending::poweroff, how);
    // The guest goes on without it, and has nothing to wait for any more.
    if (!said_ready_) announce_ready();
}

/// Answers once what `ask` asks for has happened, or with what the workload is at.
io::Awaitable<io::HttpReply> Agent::answer_workload(io::HttpRequest request,
                                                    bool (WorkloadService::*ask)()) {
    if (std::optional<io::HttpReply> refused = refuse_body(request.body)) co_return *refused;
    // A frozen workload would hear of it when it is thawed.
    if (std::optional<io::HttpReply> refused = spawn_refusal()) co_return *refused;
    if (!(workload_.*ask)()) co_return cannot_reply(workload_);
    io::Awaitable<bool> timed =
        io::with_deadline(workload_.settled(), options_.config.stop_grace + settling_patience);
    (void)co_await std::move(timed); // What it is at says whether it was in time.
    io::HttpReply reply;
    reply.body = boost::json::serialize(proto::to_json(main_document()));
    co_return reply;
}

} // namespace rouse
