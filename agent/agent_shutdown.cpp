// The end that a host asks for on the exec port.

#include "agent/agent.hpp"
#include "proto/shutdown.hpp"

#include <algorithm>
#include <csignal>

namespace rouse {

namespace {

/// How long the client may take to have its answer before everything ends.
constexpr std::chrono::milliseconds answer_patience{1000};

std::string_view name(Agent::Ending ending) {
    switch (ending) {
    case Agent::Ending::poweroff:
        return "poweroff";
    case Agent::Ending::reboot:
        return "reboot";
    case Agent::Ending::exit:
        break;
    }
    return "exit";
}

} // namespace

io::Awaitable<io::HttpReply> Agent::answer_shutdown(io::HttpRequest request) {
    const proto::Parsed<proto::ShutdownRequest> asked = proto::parse_shutdown_request(request.body);
    if (!asked) co_return io::HttpReply::error(400, "bad_request", asked.error().message());
    const bool under_way = asked_ending_ || ending_;
    if (!asked_ending_) {
        const Ending wanted =
            asked->action == proto::ShutdownAction::reboot ? Ending::reboot : Ending::poweroff;
        asked_ending_ = ending_.value_or(options_.is_vm ? wanted : Ending::exit);
    }
    tasks_.spawn("shutdown request", end_as_asked(request.connection, asked->now));
    io::HttpReply reply;
    reply.status = 202;
    reply.body = boost::json::serialize(proto::to_json(
        proto::ShutdownAccepted{std::string(name(*asked_ending_)), asked->now, under_way}));
    reply.close = true; // whose end tells that the answer has arrived
    co_return reply;
}

/// Waits until the client has the answer, and no longer than it may take for that.
io::Awaitable<> Agent::end_as_asked(std::uint64_t connection, bool now) {
    const auto is_open = [this, connection] {
        const auto& entries = registry_.entries();
        return std::any_of(entries.begin(), entries.end(),
                           [&](const auto& entry) { return entry.id == connection; });
    };
    io::Awaitable<bool> answering = wait_while(is_open, answer_patience);
    (void)co_await std::move(answering); // whoever does not take the answer is told no more
    // A program ends as its signal says: with its command.
    if (!options_.is_vm) on_signal(SIGTERM);
    if (!options_.is_vm && now) workload_.process().kill();
    if (options_.is_vm && now) end_at_once(*asked_ending_, "asked for by the host");
    if (options_.is_vm && !now) end(*asked_ending_, "asked for by the host");
}

} // namespace rouse
