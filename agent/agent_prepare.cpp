// Before a snapshot: what the parts of the agent do for a preparation, and who may start processes
// meanwhile.

#include "agent/agent.hpp"
#include "agent/sys/mount.hpp"

#include <boost/asio/post.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

namespace rouse {

namespace {

io::HttpReply document_reply(const boost::json::value& value) {
    io::HttpReply reply;
    reply.body = boost::json::serialize(value);
    return reply;
}

} // namespace

restore::PrepareOptions Agent::prepare_options() const {
    restore::PrepareOptions options;
    options.has_prepare_hook = hooks_.has(restore::Hook::prepare);
    options.has_resume_hook = hooks_.has(restore::Hook::resume);
    options.hook_timeout = options_.config.hooks.timeout;
    return options;
}

restore::PrepareHands Agent::prepare_hands() {
    using std::chrono::milliseconds;
    restore::PrepareHands hands;
    hands.settle_spawns = [this](milliseconds deadline) { return settle_spawns(deadline); };
    hands.run_hook = [this](restore::Hook hook, std::string kind, milliseconds budget) {
        return run_hook(hook, std::move(kind), budget);
    };
    hands.freeze = [this](milliseconds deadline) { return freezer_.freeze(deadline); };
    hands.thaw = [this](milliseconds deadline) { return freezer_.thaw(deadline); };
    hands.flush = [this](milliseconds deadline) { return output_.flush_written(deadline); };
    hands.sync = [this](milliseconds deadline) { return sync_disks(deadline); };
    hands.freeze_filesystems = [this](std::vector<std::string> paths, milliseconds deadline) {
        return filesystem_freezer_.freeze(std::move(paths), deadline);
    };
    hands.thaw_filesystems = [this](milliseconds deadline) {
        return filesystem_freezer_.thaw(deadline);
    };
    hands.console_unsent = [this] { return log_.unsent(); };
    hands.record = [this](std::string_view type, boost::json::object body) {
        // A host that forgot its lease is to know that its guest runs again.
        const Audience audience = type == "lease_expired" ? Audience::host : Audience::guest;
        if (type == "lease_expired")
            log_.warn("nobody resumed the guest before its lease ran out, everything runs again");
        // Set again: a preparation that waited for the one before to be undone heard its end.
        restore_.prepare_changed(type == "prepared");
        record(audience, type, std::move(body));
    };
    return hands;
}

/// A process that is born into a frozen group does not come to execute its program.
io::Awaitable<bool> Agent::settle_spawns(std::chrono::milliseconds deadline) {
    // Whoever has passed the gate just now gets to where its start is counted.
    co_await boost::asio::post(context_.get_executor(), boost::asio::use_awaitable);
    std::function<bool()> busy = [this] { return spawner_.starting() > 0; };
    io::Awaitable<bool> waiting = wait_while(std::move(busy), deadline);
    co_return co_await std::move(waiting);
}

io::Awaitable<std::string> Agent::sync_disks(std::chrono::milliseconds deadline) {
    io::Awaitable<bool> running = blocking_.run("sync", deadline, [] { sys::sync_all(); });
    const bool returned = co_await std::move(running);
    co_return returned ? "" : "the disks did not take everything in time";
}

io::Awaitable<proto::RestoreStep> Agent::run_hook(restore::Hook hook, std::string kind,
                                                  std::chrono::milliseconds budget) {
    const restore::Identity& identity = restore_.identity();
    restore::HookContext context{.kind = std::move(kind),
                                 .generation = identity.generation,
                                 .parent_generation = identity.parent_generation};
    io::Awaitable<proto::RestoreStep> running = hooks_.run(hook, std::move(context), budget);
    proto::RestoreStep step = co_await std::move(running);
    if (step.outcome == "failed") log_.warn(fmt::format("{}: {}", step.name, step.detail));
    co_return step;
}

io::SpawnGate Agent::spawn_gate() {
    return {.wait = [this] { return pass_spawn_gate(); },
            .refusal = [this] { return spawn_refusal(); }};
}

io::Awaitable<std::optional<io::HttpReply>> Agent::pass_spawn_gate() {
    io::Awaitable<bool> waiting = restore_.gate();
    const bool open = co_await std::move(waiting);
    if (!open)
        co_return io::HttpReply::retry_later("not_ready",
                                             fmt::format("waiting for step '{}'", restore_.step()));
    io::Awaitable<bool> admitting = prepare_.admits_spawns();
    (void)co_await std::move(admitting); // What is then is the answer.
    co_return spawn_refusal();
}

std::optional<io::HttpReply> Agent::spawn_refusal() const {
    if (!prepare_.refuses_spawns()) return std::nullopt;
    return io::HttpReply::retry_later("preparing", "the guest is prepared for a snapshot");
}

io::Awaitable<io::HttpReply> Agent::answer_prepare(io::HttpRequest request) {
    proto::Parsed<proto::PrepareRequest> parsed = proto::parse_prepare_request(request.body);
    if (!parsed) co_return io::HttpReply::error(400, "bad_request", parsed.error().message());
    io::Awaitable<bool> waiting = restore_.gate();
    const bool open = co_await std::move(waiting);
    if (!open)
        co_return io::HttpReply::retry_later("not_ready",
                                             fmt::format("waiting for step '{}'", restore_.step()));
    restore_.prepare_changed(true); // from here on something may be frozen
    io::Awaitable<proto::Prepared> preparing = prepare_.prepare(std::move(*parsed));
    const proto::Prepared prepared = co_await std::move(preparing);
    io::HttpReply reply = document_reply(proto::to_json(prepared));
    if (prepared.state == "failed") reply.status = 503;
    co_return reply;
}

io::Awaitable<io::HttpReply> Agent::answer_resume(io::HttpRequest request) {
    proto::Parsed<proto::ResumeRequest> parsed = proto::parse_resume_request(request.body);
    if (!parsed) co_return io::HttpReply::error(400, "bad_request", parsed.error().message());
    io::Awaitable<proto::Resumed> resuming = prepare_.resume(std::move(parsed->lease));
    const proto::Resumed resumed = co_await std::move(resuming);
    co_return document_reply(proto::to_json(resumed));
}

} // namespace rouse
