#include "agent/exec/session_service.hpp"

#include "agent/exec/session_stream.hpp"
#include "agent/io/race.hpp"
#include "proto/exec_stream.hpp"
#include "proto/frame.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace rouse::exec {

namespace json = boost::json;

namespace {

constexpr const char* main_id = "main";

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

io::Awaitable<> await_end(std::shared_ptr<Session> session) {
    while (!session->has_result()) {
        io::Awaitable<> waiting = session->changed().wait();
        co_await std::move(waiting);
    }
}

} // namespace

SessionService::SessionService(Sessions& sessions, MainSession main)
    : sessions_(sessions), main_(std::move(main)) {}

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

std::optional<proto::SessionDocument> SessionService::document_of(const std::string& id) {
    if (id == main_id) return main_.document ? main_.document() : std::nullopt;
    const std::shared_ptr<Session> session = sessions_.find(id);
    if (!session) return std::nullopt;
    return session->document();
}

io::HttpReply SessionService::unknown(const std::string& id) {
    if (sessions_.knows(id) == SessionTable::Known::forgotten)
        return Reply::error(410, "forgotten", fmt::format("session '{}' has ended", id));
    return Reply::error(404, "not_found", fmt::format("there is no session '{}'", id));
}

io::Awaitable<io::HttpReply> SessionService::list(io::HttpRequest) {
    json::array all;
    if (const auto main = document_of(main_id)) all.push_back(proto::to_json(*main));
    for (const std::shared_ptr<Session>& session : sessions_.all())
        all.push_back(proto::to_json(session->document()));
    Reply reply;
    reply.body = json::serialize(json::object{{"sessions", std::move(all)}});
    co_return reply;
}

io::Awaitable<io::HttpReply> SessionService::show(io::HttpRequest request) {
    const auto document = document_of(id_of(request));
    if (!document) co_return unknown(id_of(request));
    co_return answer_session(*document);
}

io::Awaitable<io::HttpReply> SessionService::wait(io::HttpRequest request) {
    const std::string id = id_of(request);
    if (!document_of(id)) co_return unknown(id);
    const std::optional<std::chrono::milliseconds> timeout = timeout_of(request);
    if (!timeout)
        co_return Reply::error(400, "bad_request", "timeout_ms: must be milliseconds below 2^32");
    // Held, so that it cannot be forgotten meanwhile.
    const std::shared_ptr<Session> session = sessions_.find(id);
    io::Awaitable<> ending = session ? await_end(session) : main_.wait();
    if (*timeout == std::chrono::milliseconds::max()) {
        co_await std::move(ending);
    } else {
        io::Awaitable<bool> waiting = io::with_deadline(std::move(ending), *timeout);
        (void)co_await std::move(waiting); // The document says how it is then.
    }
    if (session) co_return answer_session(session->document());
    const auto document = document_of(id);
    co_return document ? answer_session(*document) : unknown(id);
}

io::Awaitable<io::HttpReply> SessionService::signal(io::HttpRequest request) {
    const std::string id = id_of(request);
    if (!document_of(id)) co_return unknown(id);
    const proto::Parsed<proto::SignalRequest> wanted = proto::parse_signal_request(request.body);
    if (!wanted) co_return Reply::error(400, "bad_request", wanted.error().message());
    const int number = static_cast<int>(wanted->signal);
    const std::shared_ptr<Session> session = sessions_.find(id);
    const bool sent = session ? session->signal(number).has_value() : main_.signal(number);
    if (!sent) co_return ended_reply(id);
    const auto document = document_of(id);
    co_return document ? answer_session(*document) : unknown(id);
}

io::Awaitable<io::HttpReply> SessionService::resize(io::HttpRequest request) {
    const std::string id = id_of(request);
    const auto before = document_of(id);
    if (!before) co_return unknown(id);
    const proto::Parsed<proto::TerminalSize> size = proto::parse_terminal_size(request.body);
    if (!size) co_return Reply::error(400, "bad_request", size.error().message());
    const std::shared_ptr<Session> session = sessions_.find(id);
    if (!before->tty || !session)
        co_return Reply::error(409, "no_terminal", fmt::format("session '{}' has no terminal", id));
    if (!session->resize(*size)) co_return ended_reply(id);
    co_return answer_session(session->document());
}

std::optional<io::HttpReply> SessionService::refusal_for(const std::string& id,
                                                         const proto::AttachRequest& place) {
    const auto document = document_of(id);
    if (!document) return unknown(id);
    if (place.out.value_or(0) > document->out.next || place.err.value_or(0) > document->err.next)
        return Reply::error(416, "range",
                            fmt::format("session '{}' has not written so much yet", id));
    return std::nullopt;
}

sys::Result<std::shared_ptr<Attachable>> SessionService::attachable(const std::string& id) {
    if (id == main_id) return main_.attach();
    std::shared_ptr<Session> session = sessions_.find(id);
    if (!session) return sys::error_from(ENOENT);
    return std::shared_ptr<Attachable>(std::move(session));
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
    sys::Result<std::shared_ptr<Attachable>> session = attachable(id_of(request));
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
