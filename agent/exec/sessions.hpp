#pragma once
// All exec sessions: starts them, finds them, remembers them, counts them.

#include "agent/exec/session.hpp"
#include "agent/exec/session_table.hpp"
#include "agent/io/task_group.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace rouse::exec {

/// Told what becomes of sessions. Called from the loop, must not block.
using OnExecEvent = std::function<void(std::string_view type, boost::json::object body)>;

struct ExecCounters {
    std::uint64_t running = 0;       ///< sessions whose process or outputs are not over
    std::uint64_t clients = 0;       ///< connections that something is still to be said on
    std::uint64_t started_total = 0; ///< processes that came to be
    std::uint64_t failed_total = 0;  ///< commands for which none came to be
};

/// One thread.
class Sessions {
public:
    /// Borrows spawner and budget, which outlive it. `on_event` may be empty; `on_escape` is told
    /// of a session that an exception ended.
    Sessions(supervise::Spawner& spawner, const io::Executor& executor, io::MemoryBudget& budget,
             OnExecEvent on_event, io::TaskGroup::OnEscape on_escape);

    /// Starts a session under the request's id, which must not be known, or under a new one.
    std::shared_ptr<Session> start(proto::ExecRequest request, Form form);

    [[nodiscard]] SessionTable::Known knows(const std::string& id);
    /// Null when there is none.
    [[nodiscard]] std::shared_ptr<Session> find(const std::string& id);
    [[nodiscard]] std::vector<std::shared_ptr<Session>> all();
    /// Whether one more may be started.
    [[nodiscard]] bool has_room() const;

    /// No session waits for a client that is not there: the agent ends.
    void abandon_clients();
    /// Ends every session at once.
    void cancel() { tasks_.cancel(); }
    [[nodiscard]] std::size_t tasks() const { return tasks_.size(); }

    [[nodiscard]] const ExecCounters& counters() const { return counters_; }

    /// Counts a client as long as it lives.
    class Client {
    public:
        explicit Client(Sessions& sessions) : count_(sessions.counters_.clients) { ++count_; }
        ~Client() { --count_; }
        Client(const Client&) = delete;
        Client& operator=(const Client&) = delete;
        Client(Client&&) = delete;
        Client& operator=(Client&&) = delete;

    private:
        std::uint64_t& count_;
    };

private:
    class Running;

    io::Awaitable<> live(std::shared_ptr<Session> session, bool remembered);
    void note_start(const Session& session, pid_t pid);
    void note_end(const Session& session, bool remembered);
    std::string new_id();
    void forget();

    supervise::Spawner& spawner_;
    io::Executor executor_;
    io::MemoryBudget& budget_;
    OnExecEvent on_event_;
    io::TaskGroup tasks_;
    SessionTable table_;
    ExecCounters counters_;
    std::uint64_t ids_ = 0; ///< made by us
};

} // namespace rouse::exec
