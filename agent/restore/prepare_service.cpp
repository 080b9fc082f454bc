#include "agent/restore/prepare_service.hpp"

#include "agent/io/peer.hpp"
#include "agent/io/race.hpp"
#include "agent/restore/repair.hpp"
#include "proto/text.hpp"

#include <algorithm>
#include <utility>

namespace rouse::restore {

using io::Awaitable;
using std::chrono::milliseconds;

PrepareService::PrepareService(io::Executor executor, io::TaskGroup& tasks,
                               io::ConnectionRegistry& registry, PrepareOptions options,
                               PrepareHands hands)
    : executor_(std::move(executor)), tasks_(tasks), registry_(registry), hands_(std::move(hands)),
      machine_(options), lease_timer_(executor_), cancel_(executor_), changed_(executor_) {}

/// The request may go away before its answer; what it began goes on.
template <typename T>
Awaitable<T> PrepareService::wait_for(Tickets<T>& tickets, std::uint64_t number,
                                      PrepareEvent event) {
    struct Place {
        Place(Tickets<T>& all, std::uint64_t own, const io::Executor& executor)
            : ticket(executor), tickets(all), number(own) {
            tickets.emplace(number, &ticket);
        }
        ~Place() { tickets.erase(number); }
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;
        Ticket<T> ticket;
        Tickets<T>& tickets;
        std::uint64_t number;
    } place(tickets, number, executor_);
    hear(std::move(event));
    // Cancelled: the next wait throws.
    while (!place.ticket.answer)
        (void)co_await place.ticket.timer.async_wait(io::no_throw);
    co_return std::move(*place.ticket.answer);
}

Awaitable<proto::Prepared> PrepareService::prepare(proto::PrepareRequest request) {
    const std::uint64_t ticket = next_ticket_++;
    prepare_event::Asked asked{.request = std::move(request),
                               .lease = proto::make_uuid(random_bytes(16)),
                               .ticket = ticket};
    Awaitable<proto::Prepared> waiting = wait_for(tickets_, ticket, PrepareEvent(std::move(asked)));
    co_return co_await std::move(waiting);
}

Awaitable<proto::Resumed> PrepareService::resume(std::string lease) {
    Awaitable<proto::Resumed> undoing = undo(Undo::resume, std::move(lease), false);
    co_return co_await std::move(undoing);
}

Awaitable<proto::Resumed> PrepareService::undo(Undo why, std::string lease, bool only_filesystems) {
    const std::uint64_t ticket = next_ticket_++;
    prepare_event::UndoAsked asked{.why = why,
                                   .lease = std::move(lease),
                                   .only_filesystems = only_filesystems,
                                   .ticket = ticket};
    Awaitable<proto::Resumed> waiting =
        wait_for(undo_tickets_, ticket, PrepareEvent(std::move(asked)));
    co_return co_await std::move(waiting);
}

Awaitable<PrepareService::Steps> PrepareService::thaw_filesystems_after_restore() {
    Awaitable<proto::Resumed> undoing = undo(Undo::restore, "", true);
    proto::Resumed undone = co_await std::move(undoing);
    co_return std::move(undone.steps);
}

Awaitable<PrepareService::Steps> PrepareService::thaw_after_restore() {
    Awaitable<proto::Resumed> undoing = undo(Undo::restore, "", false);
    proto::Resumed undone = co_await std::move(undoing);
    co_return std::move(undone.steps);
}

Awaitable<> PrepareService::shut_down() {
    Awaitable<proto::Resumed> undoing = undo(Undo::shutdown, "", false);
    (void)co_await std::move(undoing); // What could not be undone was recorded.
}

Awaitable<bool> PrepareService::admits_spawns() {
    if (refuses_spawns()) {
        Awaitable<bool> waiting = io::with_deadline(undone(), proto::limits::spawn_gate);
        (void)co_await std::move(waiting); // What is then is the answer.
    }
    co_return !refuses_spawns();
}

Awaitable<> PrepareService::undone() {
    while (machine_.state().phase == PreparePhase::undoing) {
        Awaitable<> waiting = changed_.wait();
        co_await std::move(waiting);
    }
}

void PrepareService::hold_lease() {
    hear(prepare_event::LeaseHeld{true});
}

void PrepareService::release_lease() {
    hear(prepare_event::LeaseHeld{false});
}

std::string PrepareService::hello_state() const {
    const PrepareState& state = machine_.state();
    if (state.phase == PreparePhase::prepared) return "prepared";
    const bool runs_out = state.phase == PreparePhase::undoing && state.why == Undo::lease;
    return state.expired || runs_out ? "expired" : "none";
}

boost::json::object PrepareService::status() const {
    const PrepareState& state = machine_.state();
    boost::json::object status{{"state", machine_.state_name()},
                               {"frozen", state.frozen},
                               {"filesystems", state.filesystems},
                               {"open_mark", mark_},
                               {"lease_held", state.lease_held}};
    const auto due = machine_.lease_due();
    if (due)
        status["lease_left_ms"] = std::max<std::int64_t>(
            std::chrono::duration_cast<milliseconds>(*due - std::chrono::steady_clock::now())
                .count(),
            0);
    return status;
}

void PrepareService::hear(PrepareEvent event) {
    inbox_.take(std::move(event), [this](const PrepareEvent& next) {
        const PrepareActions actions = machine_.handle(next, std::chrono::steady_clock::now());
        for (const PrepareAction& action : actions)
            std::visit([this](const auto& wanted) { perform(wanted); }, action);
        changed_.notify_all();
    });
}

void PrepareService::perform(const prepare_action::Do& wanted) {
    tasks_.spawn("snapshot " + std::string(name(wanted.step)), run_step(wanted));
}

void PrepareService::perform(const prepare_action::Cancel&) {
    cancelled_run_ = machine_.state().run;
    cancel_.notify_all();
}

void PrepareService::perform(const prepare_action::Mark&) {
    (void)registry_.close_idle(); // counted where it is a step
    mark_ = registry_.newest();
}

void PrepareService::perform(const prepare_action::Unmark&) {
    mark_ = 0;
}

void PrepareService::perform(const prepare_action::ArmLease& lease) {
    tasks_.spawn("snapshot lease", run_lease(lease.timer, lease.after));
}

void PrepareService::perform(const prepare_action::DisarmLease&) {
    lease_timer_.cancel();
}

Awaitable<> PrepareService::run_lease(std::uint64_t timer, milliseconds after) {
    lease_timer_.expires_after(after); // ends the wait of the one that this one replaces
    auto waited = co_await lease_timer_.async_wait(io::no_throw);
    const auto& [error] = waited;
    if (!error) hear(prepare_event::LeaseDue{timer});
}

void PrepareService::perform(const prepare_action::Answer& answer) {
    const auto found = tickets_.find(answer.ticket);
    if (found == tickets_.end()) return; // The client has gone.
    found->second->answer = answer.prepared;
    found->second->answer->open = open_connections();
    found->second->timer.cancel();
}

void PrepareService::perform(const prepare_action::AnswerUndo& answer) {
    const auto found = undo_tickets_.find(answer.ticket);
    if (found == undo_tickets_.end()) return; // The client has gone.
    found->second->answer = answer.resumed;
    found->second->timer.cancel();
}

void PrepareService::perform(const prepare_action::Record& record) {
    hands_.record(record.type, record.body);
}

std::vector<proto::OpenConnection> PrepareService::open_connections() const {
    std::vector<proto::OpenConnection> open;
    for (const io::ConnectionRegistry::Entry& entry : registry_.entries()) {
        if (!entry.socket->is_open()) continue;
        open.push_back({.id = entry.id,
                        .role = entry.role,
                        .peer = io::describe_peer(entry.socket->native_handle()),
                        .epoch = entry.epoch});
    }
    return open;
}

} // namespace rouse::restore
