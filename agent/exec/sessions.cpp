#include "agent/exec/sessions.hpp"

#include "agent/sys/random.hpp"
#include "proto/limits.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <utility>

namespace rouse::exec {

/// A session that is not over; its end is noted whatever ends it.
class Sessions::Running {
public:
    Running(Sessions& sessions, std::shared_ptr<Session> session, bool remembered)
        : sessions_(sessions), session_(std::move(session)), remembered_(remembered) {
        ++sessions_.counters_.running;
    }
    ~Running() {
        --sessions_.counters_.running;
        sessions_.note_end(*session_, remembered_);
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    Running(Running&&) = delete;
    Running& operator=(Running&&) = delete;

private:
    Sessions& sessions_;
    std::shared_ptr<Session> session_;
    bool remembered_;
};

Sessions::Sessions(supervise::Spawner& spawner, const io::Executor& executor,
                   io::MemoryBudget& budget, OnExecEvent on_event,
                   io::TaskGroup::OnEscape on_escape)
    : spawner_(spawner), executor_(executor), budget_(budget), on_event_(std::move(on_event)),
      tasks_(executor, std::move(on_escape)) {}

std::string Sessions::new_id() {
    // Clones of a snapshot count alike; the random part keeps their sessions apart.
    std::array<std::uint8_t, 4> random{};
    (void)sys::fill_random(random); // zeros will do on a kernel that cannot
    while (true) {
        std::string id = fmt::format("{:02x}-{}", fmt::join(random, ""), ++ids_);
        if (table_.knows(id) == SessionTable::Known::no) return id;
    }
}

std::shared_ptr<Session> Sessions::start(proto::ExecRequest request, Form form) {
    // An answer that nobody can ask for again need not be remembered.
    const bool remembered = form != Form::captured || !request.session.id.empty();
    const std::string id = request.session.id.empty() ? new_id() : request.session.id;
    auto session = std::make_shared<Session>(executor_, id, std::move(request), form, budget_);
    table_.add(id, session);
    tasks_.spawn("exec " + id, live(session, remembered));
    return session;
}

io::Awaitable<> Sessions::live(std::shared_ptr<Session> session, bool remembered) {
    const Running running(*this, session, remembered);
    OnStart on_start = [this, &session](pid_t pid) { note_start(*session, pid); };
    io::Awaitable<> living = session->run(spawner_, std::move(on_start));
    co_await std::move(living);
}

void Sessions::note_start(const Session& session, pid_t pid) {
    ++(pid != 0 ? counters_.started_total : counters_.failed_total);
    if (!on_event_) return;
    boost::json::object body{{"session", session.id()}, {"program", session.program()}};
    if (pid != 0) body["pid"] = pid;
    on_event_(pid != 0 ? "exec_started" : "exec_failed", std::move(body));
}

void Sessions::note_end(const Session& session, bool remembered) {
    const std::string& id = session.id();
    if (on_event_ && session.pid() != 0) {
        boost::json::object body{{"session", id}, {"pid", session.pid()}};
        if (session.exit()) body["exit"] = proto::to_json(*session.exit());
        on_event_("exec_ended", std::move(body));
    }
    if (remembered)
        table_.ended(id, std::chrono::steady_clock::now());
    else
        table_.remove(id);
    forget();
}

SessionTable::Known Sessions::knows(const std::string& id) {
    forget();
    return table_.knows(id);
}

std::shared_ptr<Session> Sessions::find(const std::string& id) {
    forget();
    return table_.find(id);
}

std::vector<std::shared_ptr<Session>> Sessions::all() {
    forget();
    return table_.all();
}

void Sessions::forget() {
    // What ended sessions keep is the first to go when memory is short.
    const bool is_short = budget_.used() > budget_.limit() / 4 * 3;
    table_.forget(std::chrono::steady_clock::now(), is_short);
}

bool Sessions::has_room() const {
    return table_.live() < proto::limits::sessions;
}

void Sessions::abandon_clients() {
    for (const std::shared_ptr<Session>& session : table_.all())
        session->abandon();
}

} // namespace rouse::exec
