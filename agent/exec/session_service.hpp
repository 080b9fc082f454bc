#pragma once
// `/v1/sessions`: lists sessions, waits for them, attaches to them, signals and resizes them.

#include "agent/exec/sessions.hpp"
#include "agent/io/http.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rouse::exec {

/// A session of any kind, as it is listed, waited for and signalled.
struct ListedSession {
    std::function<proto::SessionDocument()> document;
    /// False: it does not run.
    std::function<bool(int number)> signal;
    /// Waits until it has ended.
    std::function<io::Awaitable<>()> wait;
    /// For one client; empty where nobody can attach. Errors: EBUSY when too many look already;
    /// those of making a pipe.
    std::function<sys::Result<std::shared_ptr<Attachable>>()> attach;
    /// Of its terminal; empty where it has none. False: it does not run.
    std::function<bool(const proto::TerminalSize& size)> resize;
};

/// Those that are no command of a client, of functions that Agent hands over: the workload, then
/// what works for requests for files.
using OtherSessions = std::function<std::vector<ListedSession>()>;

class SessionService {
public:
    /// Borrows the sessions.
    SessionService(Sessions& sessions, OtherSessions others);

    /// Adds the routes, which borrow the service.
    void add_routes(io::HttpRoutes& routes);

private:
    using Reply = io::HttpReply;
    using Handler = io::Awaitable<Reply> (SessionService::*)(io::HttpRequest request);

    void add(io::HttpRoutes& routes, const std::string& name, Handler handler);
    io::Awaitable<Reply> list(io::HttpRequest request);
    io::Awaitable<Reply> show(io::HttpRequest request);
    io::Awaitable<Reply> wait(io::HttpRequest request);
    io::Awaitable<Reply> signal(io::HttpRequest request);
    io::Awaitable<Reply> resize(io::HttpRequest request);
    io::Awaitable<std::optional<Reply>> check_attach(const io::HttpRequest& request);
    io::Awaitable<> attach(io::HttpRequest request, io::Socket& socket, std::string received);

    /// Why there is no such session: 404, or 410 for one that was forgotten.
    [[nodiscard]] Reply unknown(const std::string& id);
    [[nodiscard]] std::optional<Reply> refusal_for(const std::string& id,
                                                   const proto::AttachRequest& place);
    /// Whatever its kind; keeps it from being forgotten.
    [[nodiscard]] std::optional<ListedSession> find(const std::string& id);

    Sessions& sessions_;
    OtherSessions others_;
};

} // namespace rouse::exec
