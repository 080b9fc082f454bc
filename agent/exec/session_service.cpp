#include "agent/exec/session_service.hpp"

#include "agent/exec/session_stream.hpp"
#include "agent/io/race.hpp"
#include "proto/exec_stream.hpp"
#include "proto/frame.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <utility>

namespace rouse::exec {

namespace json = boost::json;

namespace {

io::HttpReply answer_session(const proto::SessionDocument& document) {
    io::HttpReply reply;
    reply.body = json::serialize(proto::to_json(document));
    return reply;
}

io::HttpReply ended_reply(const std::string& id) {
    return io::HttpReply::error(409, "ended", fmt::format("session '{}' does not run", id));
}

const std::string& id_of(const io::HttpRequest& request) {
    return request.parameters.at("id");
}

/// Of the query; nothing when it is malformed.
std::optional<std::chrono::milliseconds> timeout_of(const io::HttpRequest& request) {
    const auto found = request.query.find("timeout_ms");
    if (found == request.query.end()) return std::chrono::milliseconds::max();
    const std::string& text = found->second;
    std::uint32_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
    return std::chrono::milliseconds(value);
}

ListedSession as_listed(const std::shared_ptr<Session>& session) {
    ListedSession listed{
        .document = [session] { return session->document(); },
        .signal = [session](int number) { return session->signal(number).has_value(); },
        .wait = [session] { return session->wait_result(); },
        .attach = [session] { return sys::Result<std::shared_ptr<Attachable>>(session); },
        .resize = {}};
    if (session->has_terminal())
        listed.resize = [session](const proto::TerminalSize& size) {
            return session->resize(size).has_value();
        };
    return listed;
}

} // namespace

SessionService::SessionService(Sessions& sessions, OtherSessions others)
    : sessions_(sessions), others_(std::move(others)) {}

void SessionService::add(io::HttpRoutes& routes, const std::string& name, Handler handler) {
    routes[name].handler = [this, handler](io::HttpRequest request) {
        return (this->*handler)(std::move(request));
    };
}

void SessionService::add_routes(io::HttpRoutes& routes) {
    add(routes, "GET /v1/sessions", &SessionService::list);
    add(routes, "GET /v1/sessions/{id}", &SessionService::show);
    add(routes, "GET /v1/sessions/{id}/wait", &SessionService::wait);
    add(routes, "POST /v1/sessions/{id}/signal", &SessionService::signal);
    add(routes, "POST /v1/sessions/{id}/resize", &SessionService::resize);
    io::HttpRoute& attaching = routes["POST /v1/sessions/{id}/attach"];
    attaching.upgrade_token = proto::exec_upgrade_token;
    attaching.before_upgrade = [this](const io::HttpRequest& request) {
        return check_attach(request);
    };
    attaching.upgrade = [this](io::HttpRequest request, io::Socket& socket, std::string received) {
        return attach(std::move(request), socket, std::move(received));
    };
}

std::optional<ListedSession> SessionService::find(const std::string& id) {
    if (const std::shared_ptr<Session> session = sessions_.find(id)) return as_listed(session);
    for (ListedSession& other : others_())
        if (other.document().id == id) return std::move(other);
    return std::nullopt;
}

io::HttpReply SessionService::unknown(const std::string& id) {
    if (sessions_.knows(id) == SessionTable::Known::forgotten)
        return Reply::error(410, "forgotten", fmt::format("session '{}' has ended", id));
    return Reply::error(404, "not_found", fmt::format("there is no session '{}'", id));
}

io::Awaitable<io::HttpReply> SessionService::list(io::HttpRequest) {
    json::array all;
    for (const ListedSession& other : others_())
        all.push_back(proto::to_json(other.document()));
    for (const std::shared_ptr<Session>& session : sessions_.all())
        all.push_back(proto::to_json(session->document()));
    Reply reply;
    reply.body = json::serialize(json::object{{"sessions", std::move(all)}});
    co_return reply;
}

io::Awaitable<io::HttpReply> SessionService::show(io::HttpRequest request) {
    const std::optional<ListedSession> session = find(id_of(request));
    if (!session) co_return unknown(id_of(request));
    co_return answer_session(session->document());
}

io::Awaitable<io::HttpReply> SessionService::wait(io::HttpRequest request) {
    const std::optional<ListedSession> session = find(id_of(request));
    if (!session) co_return unknown(id_of(request));
    const std::optional<std::chrono::milliseconds> timeout = timeout_of(request);
    if (!timeout)
        co_return Reply::error(400, "bad_request", "timeout_ms: must be milliseconds below 2^32");
    io::Awaitable<> ending = session->wait();
    if (*timeout == std::chrono::milliseconds::max()) {
        co_await std::move(ending);
    } else {
        io::Awaitable<bool> waiting = io::with_deadline(std::move(ending), *timeout);
        (void)co_await std::move(waiting); // The document says how it is then.
    }
    co_return answer_session(session->document());
}

io::Awaitable<io::HttpReply> SessionService::signal(io::HttpRequest request) {
    const std::optional<ListedSession> session = find(id_of(request));
    if (!session) co_return unknown(id_of(request));
    const proto::Parsed<proto::SignalRequest> wanted = proto::parse_signal_request(request.body);
    if (!wanted) co_return Reply::error(400, "bad_request", wanted.error().message());
    if (!session->signal(static_cast<int>(wanted->signal))) co_return ended_reply(id_of(request));
    co_return answer_session(session->document());
}

io::Awaitable<io::HttpReply> SessionService::resize(io::HttpRequest request) {
    const std::string id = id_of(request);
    const std::optional<ListedSession> session = find(id);
    if (!session) co_return unknown(id);
    const proto::Parsed<proto::TerminalSize> size = proto::parse_terminal_size(request.body);
    if (!size) co_return Reply::error(400, "bad_request", size.error().message());
    if (!session->resize)
        co_return Reply::error(409, "no_terminal", fmt::format("session '{}' has no terminal", id));
    if (!session->resize(*size)) co_return ended_reply(id);
    co_return answer_session(session->document());
}

std::optional<io::HttpReply> SessionService::refusal_for(const std::string& id,
                                                         const proto::AttachRequest& place) {
    const std::optional<ListedSession> session = find(id);
    if (!session) return unknown(id);
    if (!session->attach)
        return Reply::error(409, "not_attachable",
                            fmt::format("session '{}' belongs to its request", id));
    const proto::SessionDocument document = session->document();
    if (place.out.value_or(0) > document.out.next || place.err.value_or(0) > document.err.next)
        return Reply::error(416, "range",
                            fmt::format("session '{}' has not written so much yet", id));
    return std::nullopt;
}

io::Awaitable<std::optional<io::HttpReply>>
SessionService::check_attach(const io::HttpRequest& request) {
    const proto::Parsed<proto::AttachRequest> place = proto::parse_attach_request(request.body);
    if (!place) co_return Reply::error(400, "bad_request", place.error().message());
    co_return refusal_for(id_of(request), *place);
}

io::Awaitable<> SessionService::attach(io::HttpRequest request, io::Socket& socket,
                                       std::string received) {
    const proto::Parsed<proto::AttachRequest> place = proto::parse_attach_request(request.body);
    const std::optional<ListedSession> found = find(id_of(request));
    sys::Result<std::shared_ptr<Attachable>> session = sys::error_from(ENOENT);
    if (found && found->attach) session = found->attach();
    if (!session) { // It was there before the switch of protocols.
        const std::string why = session.error().message();
        io::Awaitable<> refusing =
            SessionStream::refuse(socket, "refused", "the session cannot be attached to: " + why);
        co_await std::move(refusing);
        co_return;
    }
    const Sessions::Client client(sessions_);
    SessionStream stream(std::move(*session), socket, std::move(received), place.value());
    io::Awaitable<> running = stream.run();
    co_await std::move(running);
}

} // namespace rouse::exec
