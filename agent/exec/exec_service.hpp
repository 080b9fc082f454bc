#pragma once
// `POST /v1/exec`: runs commands for the host, to their answer, as a frame stream, or detached.

#include "agent/exec/sessions.hpp"
#include "agent/io/spawn_gate.hpp"

#include <memory>
#include <optional>
#include <string>

namespace rouse::exec {

class ExecService {
public:
    /// Borrows the sessions.
    ExecService(Sessions& sessions, io::SpawnGate gate);

    /// All forms, ready for the table of routes. Borrows the service.
    [[nodiscard]] io::HttpRoute route();

private:
    /// What a request comes to: a session, or why there is none.
    struct Found {
        std::shared_ptr<Session> session;
        std::optional<io::HttpReply> refusal;
    };

    io::Awaitable<io::HttpReply> run(io::HttpRequest request);
    io::Awaitable<> stream(io::HttpRequest request, io::Socket& socket, std::string received);
    /// Why a request is not served: 400 malformed, 409 another body, 410 forgotten, 503 too many
    /// sessions or the gate is shut. A session that is there needs neither place nor gate.
    io::Awaitable<std::optional<io::HttpReply>> check(const io::HttpRequest& request);
    /// The session of this request, a new one if need be. Between the look and the start nobody
    /// else runs, so that one id never starts twice.
    Found find_or_start(proto::ExecRequest request, Form form);
    [[nodiscard]] std::optional<io::HttpReply> refusal_for(const proto::ExecRequest& request,
                                                           Form form);
    static io::Awaitable<io::HttpReply> answer_result(std::shared_ptr<Session> session);
    static io::Awaitable<io::HttpReply> answer_start(std::shared_ptr<Session> session);

    Sessions& sessions_;
    io::SpawnGate gate_;
};

} // namespace rouse::exec
