#pragma once
// `POST /v1/exec`: runs commands for the host, plain or as a frame stream.

#include "agent/io/http.hpp"
#include "agent/supervise/spawner.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace rouse::exec {

/// Waits until execs are allowed. False: they are not, and the wait was long enough.
using SpawnGate = std::function<io::Awaitable<bool>()>;

/// Told what becomes of sessions. Called from the loop, must not block.
using OnExecEvent = std::function<void(std::string_view type, boost::json::object body)>;

struct ExecCounters {
    std::uint64_t running = 0;       ///< sessions that are alive
    std::uint64_t started_total = 0; ///< processes that came to be
    std::uint64_t failed_total = 0;  ///< commands for which none came to be
};

class ExecService {
public:
    /// Borrows the spawner, which must outlive every session. `gate_step` names what the gate
    /// waits for, for the client that was refused. `on_event` may be empty.
    ExecService(supervise::Spawner& spawner, SpawnGate gate, std::function<std::string()> gate_step,
                OnExecEvent on_event = {});
    ExecService(const ExecService&) = delete;
    ExecService& operator=(const ExecService&) = delete;
    ExecService(ExecService&&) = delete;
    ExecService& operator=(ExecService&&) = delete;
    ~ExecService() = default;

    /// Both forms, ready for the table of routes. Borrows the service.
    [[nodiscard]] io::HttpRoute route();

    /// Why a request is not served: 400 malformed, 503 too many sessions or the gate is shut.
    io::Awaitable<std::optional<io::HttpReply>> check(const io::HttpRequest& request);
    /// Plain exec: answers an ExecResult after the exit. Cancelled: the process group is killed.
    io::Awaitable<io::HttpReply> run(io::HttpRequest request);
    /// Stream exec, after `101 Switching Protocols`.
    io::Awaitable<> stream(io::HttpRequest request, io::Socket& socket, std::string received);

    [[nodiscard]] const ExecCounters& counters() const { return counters_; }

private:
    /// Of one session, in the words of its events.
    struct Session {
        std::uint64_t number = 0;
        std::string program;
        pid_t pid = 0;
    };

    Session new_session(const proto::Command& command);
    void started(Session& session, pid_t pid);
    void ended(const Session& session, const std::optional<proto::ExitStatus>& exit);

    supervise::Spawner& spawner_;
    SpawnGate gate_;
    std::function<std::string()> gate_step_;
    OnExecEvent on_event_;
    ExecCounters counters_;
    std::uint64_t sessions_ = 0;
};

} // namespace rouse::exec
