// A restore: what the parts of the agent do for the chain, and what the guest's programs hear of
// it.

#include "agent/agent.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace rouse {

namespace {

bool succeeded(const std::vector<proto::RestoreStep>& steps, std::string_view name) {
    return std::any_of(steps.begin(), steps.end(), [&](const proto::RestoreStep& step) {
        return step.name == name && step.outcome == "ok";
    });
}

} // namespace

restore::RestoreHooks Agent::restore_hooks() {
    restore::RestoreHooks hooks;
    hooks.rebind = [this] { return rebind(); };
    hooks.connect_output = [this](const restore::Identity& identity) {
        output_.connect({.boot_id = identity.boot_id,
                         .generation = identity.generation,
                         .parent_generation = identity.parent_generation,
                         .epoch = identity.epoch,
                         .link_key = identity.link_key});
    };
    hooks.disconnect_output = [this] { output_.disconnect(); };
    hooks.look_again = [this] { restore::look(triggers_); };
    hooks.repair = [this](restore::RepairOrder order) { return repair_guest(std::move(order)); };
    hooks.restored = [this](const proto::RestoreReport& report,
                            const proto::RestoreDocument& document) {
        tell_programs(report, document);
    };
    hooks.configuration = [this](const std::string& config, const std::string& source) {
        take_boot_document(config, source);
    };
    hooks.log = [this](const std::string& line) { log_.info(line); };
    hooks.event = [this](std::string_view type, boost::json::object body) {
        record(Audience::guest, type, std::move(body));
    };
    add_snapshot_hooks(hooks);
    return hooks;
}

void Agent::add_snapshot_hooks(restore::RestoreHooks& hooks) {
    hooks.open_mark = [this] { return prepare_.open_mark(); };
    hooks.hold_prepared = [this](bool chain_needs_it) {
        if (chain_needs_it)
            prepare_.hold_lease();
        else
            prepare_.release_lease();
    };
    hooks.thaw = [this] { return thaw_payload(); };
    hooks.prepare_state = [this] { return prepare_.hello_state(); };
}

/// File systems that were frozen for the snapshot come first: the document's steps write to them.
io::Awaitable<restore::Repairs> Agent::repair_guest(restore::RepairOrder order) {
    io::Awaitable<std::vector<proto::RestoreStep>> thawing =
        prepare_.thaw_filesystems_after_restore();
    std::vector<proto::RestoreStep> steps = co_await std::move(thawing);
    const std::vector<proto::NetworkInterface> network = order.document.network;
    io::Awaitable<restore::Repairs> repairing = restore::repair(std::move(order), blocking_);
    restore::Repairs repairs = co_await std::move(repairing);
    // Whoever plugs an interface in later must not get the addresses of the life before.
    if (succeeded(repairs.steps, "network")) hotplug_.learn(network);
    repairs.steps.insert(repairs.steps.begin(), steps.begin(), steps.end());
    co_return repairs;
}

io::Awaitable<std::vector<proto::RestoreStep>> Agent::thaw_payload() {
    return prepare_.thaw_after_restore();
}

/// The programs of the guest may have to draw new numbers, too, or to open what was closed.
void Agent::tell_programs(const proto::RestoreReport& report,
                          const proto::RestoreDocument& document) {
    const std::string& generation = report.generation;
    tell_vmm_generation("");
    if (document.signal) {
        const std::size_t told =
            workload_.process().signal_handlers(static_cast<int>(*document.signal));
        record(Audience::guest, "workload_signalled",
               {{"signal", *document.signal}, {"processes", told}, {"generation", generation}});
    }
    if (hooks_.has(restore::Hook::restored)) tasks_.spawn("hook restored", run_restored_hook());
}

io::Awaitable<> Agent::run_restored_hook() {
    io::Awaitable<proto::RestoreStep> running =
        run_hook(restore::Hook::restored, "restore", options_.config.hooks.timeout);
    const proto::RestoreStep step = co_await std::move(running);
    record(Audience::host, "hook_restored",
           {{"outcome", step.outcome}, {"detail", step.detail}, {"us", step.duration_us}});
}

void Agent::watch_triggers() {
    const std::function<void(restore::Signal)> tell = [this](restore::Signal signal) {
        restore_.notice(std::move(signal));
    };
    for (const auto& trigger : triggers_)
        tasks_.keep(fmt::format("trigger {}", trigger->name()),
                    [source = trigger.get(), tell] { return source->watch(tell); });
}

io::Awaitable<std::string> Agent::rebind() {
    const io::RebindOutcome outcome = listener_->rebind();
    record(Audience::guest, "listener_rebound",
           {{"served", outcome.served},
            {"dropped", outcome.dropped},
            {"listening", outcome.listening},
            {"recreated", outcome.recreated}});
    if (!outcome.listening) co_return fmt::format("not listening: {}", outcome.error.message());
    co_return outcome.recreated ? "recreated" : "kept";
}

io::Awaitable<io::HttpReply> Agent::answer_restore(io::HttpRequest request) {
    const auto received = std::chrono::steady_clock::now();
    proto::Parsed<proto::RestoreDocument> document = proto::parse_restore_document(request.body);
    if (!document) co_return io::HttpReply::error(400, "document", document.error().message());
    proto::RestoreDocument given = std::move(*document);
    given.received.at = received;
    const proto::RestoreReport report =
        co_await restore_.host_word(std::move(given), request.connection);
    io::HttpReply reply;
    reply.body = boost::json::serialize(proto::to_json(report));
    if (report.state == "failed") reply.status = 503;
    co_return reply;
}

} // namespace rouse
