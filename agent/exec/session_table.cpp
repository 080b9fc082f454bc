#include "agent/exec/session_table.hpp"

#include <algorithm>
#include <utility>

namespace rouse::exec {

namespace {

std::size_t hash_of(const std::string& id) {
    return std::hash<std::string>()(id);
}

} // namespace

SessionTable::Known SessionTable::knows(const std::string& id) const {
    if (sessions_.contains(id)) return Known::yes;
    const bool was =
        std::find(forgotten_.begin(), forgotten_.end(), hash_of(id)) != forgotten_.end();
    return was ? Known::forgotten : Known::no;
}

std::shared_ptr<Session> SessionTable::find(const std::string& id) const {
    const auto found = sessions_.find(id);
    return found == sessions_.end() ? nullptr : found->second.session;
}

void SessionTable::add(const std::string& id, std::shared_ptr<Session> session) {
    sessions_.emplace(id, Entry{.number = ++count_, .session = std::move(session)});
}

void SessionTable::note_time(Time now) {
    constexpr std::chrono::minutes longest_gap{1};
    const Time::duration gap = now - std::exchange(noted_at_, now);
    if (gap <= longest_gap) return;
    for (Ended& session : remembered_)
        session.at += gap - longest_gap;
}

void SessionTable::ended(const std::string& id, Time now) {
    note_time(now);
    remembered_.push_back({.id = id, .at = now});
    forget(now, false);
}

void SessionTable::forget(Time now, bool short_of_memory) {
    note_time(now);
    std::size_t most = proto::limits::sessions_remembered;
    if (short_of_memory) most = remembered_.size() / 2;
    while (remembered_.size() > most ||
           (!remembered_.empty() && now - remembered_.front().at > proto::limits::session_memory))
        forget_oldest();
}

void SessionTable::forget_oldest() {
    const std::string id = std::move(remembered_.front().id);
    remembered_.pop_front();
    sessions_.erase(id);
    forgotten_.push_back(hash_of(id));
    if (forgotten_.size() > proto::limits::ids_forgotten) forgotten_.pop_front();
}

std::vector<std::shared_ptr<Session>> SessionTable::all() const {
    std::vector<const Entry*> entries;
    for (const auto& [id, entry] : sessions_)
        entries.push_back(&entry);
    std::sort(entries.begin(), entries.end(),
              [](const Entry* a, const Entry* b) { return a->number < b->number; });
    std::vector<std::shared_ptr<Session>> sessions;
    for (const Entry* entry : entries)
        sessions.push_back(entry->session);
    return sessions;
}

} // namespace rouse::exec
