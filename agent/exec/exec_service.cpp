#include "agent/exec/exec_service.hpp"

#include "agent/exec/session_stream.hpp"
#include "proto/frame.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <utility>

namespace rouse::exec {

namespace {

Form form_of(const proto::ExecRequest& request, bool upgrade) {
    if (upgrade) return Form::stream;
    return request.session.detach ? Form::detached : Form::captured;
}

/// A body that makes no sense in its form.
std::optional<std::string> contradiction(const proto::ExecRequest& request, bool upgrade) {
    if (upgrade && !request.stdin_bytes.empty()) return "$.stdin: a stream sends DATA frames";
    if (upgrade && request.session.detach) return "$.detach: a stream is attached";
    if (request.session.detach && !request.stdin_bytes.empty())
        return "$.stdin: a detached session has none";
    if (form_of(request, upgrade) == Form::captured && request.session.tty)
        return "$.tty: needs a stream, or detach";
    return std::nullopt;
}

/// A plain exec's client, who controls its session: when the client goes, the session learns it.
class PlainClient {
public:
    explicit PlainClient(std::shared_ptr<Session> session)
        : session_(std::move(session)), number_(session_->take_control()) {}
    ~PlainClient() { session_->leave(number_); }
    PlainClient(const PlainClient&) = delete;
    PlainClient& operator=(const PlainClient&) = delete;
    PlainClient(PlainClient&&) = delete;
    PlainClient& operator=(PlainClient&&) = delete;

private:
    std::shared_ptr<Session> session_;
    std::uint64_t number_;
};

} // namespace

ExecService::ExecService(Sessions& sessions, io::SpawnGate gate)
    : sessions_(sessions), gate_(std::move(gate)) {}

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

std::optional<io::HttpReply> ExecService::refusal_for(const proto::ExecRequest& request,
                                                      Form form) {
    const std::string& id = request.session.id;
    const SessionTable::Known known = id.empty() ? SessionTable::Known::no : sessions_.knows(id);
    if (known == SessionTable::Known::forgotten)
        return io::HttpReply::error(410, "forgotten", fmt::format("session '{}' has ended", id));
    if (known == SessionTable::Known::yes && !sessions_.find(id)->is_for(request, form))
        return io::HttpReply::error(
            409, "conflict", fmt::format("session '{}' was asked for by another request", id));
    if (known == SessionTable::Known::no && !sessions_.has_room())
        return io::HttpReply::error(
            503, "busy", fmt::format("{} sessions are running", sessions_.counters().running));
    return std::nullopt;
}

io::Awaitable<std::optional<io::HttpReply>> ExecService::check(const io::HttpRequest& request) {
    const proto::Parsed<proto::ExecRequest> parsed = proto::parse_exec_request(request.body);
    if (!parsed) co_return io::HttpReply::error(400, "bad_request", parsed.error().message());
    const bool upgrade = !request.upgrade.empty();
    if (const auto why = contradiction(*parsed, upgrade))
        co_return io::HttpReply::error(400, "bad_request", *why);
    std::optional<io::HttpReply> refusal = refusal_for(*parsed, form_of(*parsed, upgrade));
    if (refusal) co_return refusal;
    const std::string& id = parsed->session.id;
    if (!id.empty() && sessions_.find(id)) co_return std::nullopt;
    io::Awaitable<std::optional<io::HttpReply>> passing = gate_.wait();
    co_return co_await std::move(passing);
}

ExecService::Found ExecService::find_or_start(proto::ExecRequest request, Form form) {
    Found found;
    // check() looked before it waited; others may have come since, or the gate may be shut again.
    found.refusal = refusal_for(request, form);
    if (found.refusal) return found;
    if (!request.session.id.empty()) found.session = sessions_.find(request.session.id);
    if (!found.session) found.refusal = gate_.refusal();
    if (!found.session && !found.refusal) found.session = sessions_.start(std::move(request), form);
    return found;
}

io::Awaitable<io::HttpReply> ExecService::run(io::HttpRequest request) {
    io::Awaitable<std::optional<io::HttpReply>> checking = check(request);
    std::optional<io::HttpReply> refusal = co_await std::move(checking);
    if (refusal) co_return std::move(*refusal);
    proto::Parsed<proto::ExecRequest> parsed = proto::parse_exec_request(request.body);
    const Form form = form_of(*parsed, false);
    // Nobody can come back to a plain exec without an id: its client's end is its own.
    if (form == Form::captured && parsed->session.id.empty())
        parsed->session.reattach_grace = std::chrono::milliseconds(0);
    Found found = find_or_start(std::move(*parsed), form);
    if (found.refusal) co_return std::move(*found.refusal);
    const Sessions::Client client(sessions_);
    io::Awaitable<io::HttpReply> answering = form == Form::detached
                                                 ? answer_start(std::move(found.session))
                                                 : answer_result(std::move(found.session));
    co_return co_await std::move(answering);
}

io::Awaitable<io::HttpReply> ExecService::answer_result(std::shared_ptr<Session> session) {
    const PlainClient client(session);
    io::Awaitable<> ending = session->wait_result();
    co_await std::move(ending);
    io::HttpReply reply;
    reply.body = boost::json::serialize(proto::to_json(session->result()));
    co_return reply;
}

io::Awaitable<io::HttpReply> ExecService::answer_start(std::shared_ptr<Session> session) {
    while (session->is_starting()) {
        io::Awaitable<> waiting = session->changed().wait();
        co_await std::move(waiting);
    }
    io::HttpReply reply;
    reply.status = 202;
    reply.body = boost::json::serialize(proto::to_json(session->document()));
    co_return reply;
}

io::Awaitable<> ExecService::stream(io::HttpRequest request, io::Socket& socket,
                                    std::string received) {
    proto::Parsed<proto::ExecRequest> parsed = proto::parse_exec_request(request.body);
    Found found = find_or_start(std::move(parsed.value()), Form::stream);
    if (found.refusal) {
        io::Awaitable<> refusing =
            SessionStream::refuse(socket, "refused", "refused meanwhile: " + found.refusal->body);
        co_await std::move(refusing);
        co_return;
    }
    const Sessions::Client client(sessions_);
    SessionStream stream(std::move(found.session), socket, std::move(received),
                         proto::AttachRequest());
    io::Awaitable<> running = stream.run();
    co_await std::move(running);
}

} // namespace rouse::exec
