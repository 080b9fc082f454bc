#include "agent/exec/exec_service.hpp"

#include "agent/exec/captured_exec.hpp"
#include "agent/exec/exec_stream.hpp"
#include "proto/limits.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <utility>

namespace rouse::exec {

namespace {

/// Counts a session as long as it lives.
class Alive {
public:
    explicit Alive(std::uint64_t& count) : count_(count) { ++count_; }
    ~Alive() { --count_; }
    Alive(const Alive&) = delete;
    Alive& operator=(const Alive&) = delete;
    Alive(Alive&&) = delete;
    Alive& operator=(Alive&&) = delete;

private:
    std::uint64_t& count_;
};

std::optional<io::HttpReply> check_body(const io::HttpRequest& request) {
    const proto::Parsed<proto::ExecRequest> parsed = proto::parse_exec_request(request.body);
    if (!parsed) return io::HttpReply::error(400, "bad_request", parsed.error().message());
    if (!request.upgrade.empty() && !parsed->stdin_bytes.empty())
        return io::HttpReply::error(400, "bad_request", "$.stdin: a stream sends DATA frames");
    return std::nullopt;
}

} // namespace

ExecService::ExecService(supervise::Spawner& spawner, SpawnGate gate,
                         std::function<std::string()> gate_step, OnExecEvent on_event)
    : spawner_(spawner), gate_(std::move(gate)), gate_step_(std::move(gate_step)),
      on_event_(std::move(on_event)) {}

io::HttpRoute ExecService::route() {
    io::HttpRoute route;
    route.handler = [this](io::HttpRequest request) { return run(std::move(request)); };
    route.upgrade = [this](io::HttpRequest request, io::Socket& socket, std::string received) {
        return stream(std::move(request), socket, std::move(received));
    };
    route.upgrade_token = proto::exec_upgrade_token;
    route.before_upgrade = [this](const io::HttpRequest& request) { return check(request); };
    return route;
}

io::Awaitable<std::optional<io::HttpReply>> ExecService::check(const io::HttpRequest& request) {
    std::optional<io::HttpReply> refusal = check_body(request);
    if (refusal) co_return refusal;
    if (counters_.running >= proto::limits::sessions)
        co_return io::HttpReply::error(503, "busy",
                                       fmt::format("{} sessions are running", counters_.running));
    io::Awaitable<bool> waiting = gate_();
    const bool open = co_await std::move(waiting);
    if (open) co_return std::nullopt;
    io::HttpReply reply =
        io::HttpReply::error(503, "not_ready", "execs wait for step '" + gate_step_() + "'");
    reply.headers.emplace("Retry-After", "1");
    co_return reply;
}

io::Awaitable<io::HttpReply> ExecService::run(io::HttpRequest request) {
    io::Awaitable<std::optional<io::HttpReply>> checking = check(request);
    std::optional<io::HttpReply> refusal = co_await std::move(checking);
    if (refusal) co_return std::move(*refusal);
    proto::Parsed<proto::ExecRequest> parsed = proto::parse_exec_request(request.body);
    const Alive alive(counters_.running);
    Session session = new_session(parsed->command);
    const OnStart on_start = [this, &session](pid_t pid) { started(session, pid); };
    io::Awaitable<proto::ExecResult> running = run_captured(spawner_, std::move(*parsed), on_start);
    const proto::ExecResult result = co_await std::move(running);
    ended(session, result.exit);
    io::HttpReply reply;
    reply.body = boost::json::serialize(proto::to_json(result));
    co_return reply;
}

io::Awaitable<> ExecService::stream(io::HttpRequest request, io::Socket& socket,
                                    std::string received) {
    proto::Parsed<proto::ExecRequest> parsed = proto::parse_exec_request(request.body);
    ExecStream stream(socket, std::move(received));
    // check() ran before the upgrade; the last place may have been taken since.
    if (!parsed || counters_.running >= proto::limits::sessions) {
        io::Awaitable<> refusing = parsed ? stream.refuse("busy", "too many sessions are running")
                                          : stream.refuse("bad_request", parsed.error().message());
        co_await std::move(refusing);
        co_return;
    }
    const Alive alive(counters_.running);
    Session session = new_session(parsed->command);
    OnStart on_start = [this, &session](pid_t pid) { started(session, pid); };
    io::Awaitable<> running = stream.run(spawner_, std::move(parsed->command), std::move(on_start));
    co_await std::move(running);
    ended(session, stream.exit());
}

ExecService::Session ExecService::new_session(const proto::Command& command) {
    return {.number = ++sessions_, .program = command.argv.empty() ? "" : command.argv.front()};
}

void ExecService::started(Session& session, pid_t pid) {
    session.pid = pid;
    ++(pid != 0 ? counters_.started_total : counters_.failed_total);
    if (!on_event_) return;
    boost::json::object body{{"session", session.number}, {"program", session.program}};
    if (pid != 0) body["pid"] = pid;
    on_event_(pid != 0 ? "exec_started" : "exec_failed", std::move(body));
}

/// Not told of a session whose client went away: the process is killed then, and the reaper knows.
void ExecService::ended(const Session& session, const std::optional<proto::ExitStatus>& exit) {
    if (!on_event_ || session.pid == 0) return;
    boost::json::object body{{"session", session.number}, {"pid", session.pid}};
    if (exit) body["exit"] = proto::to_json(*exit);
    on_event_("exec_ended", std::move(body));
}

} // namespace rouse::exec
