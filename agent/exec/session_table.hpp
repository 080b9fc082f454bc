#pragma once
// Which sessions there are, which are remembered after their end, and which ids were used before:
// what makes a retry by id safe.

#include "proto/limits.hpp"

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace rouse::exec {

class Session;

/// Pure, apart from owning the sessions.
class SessionTable {
public:
    using Time = std::chrono::steady_clock::time_point;

    enum class Known { no, yes, forgotten };

    [[nodiscard]] Known knows(const std::string& id) const;
    /// Null when there is none of that name.
    [[nodiscard]] std::shared_ptr<Session> find(const std::string& id) const;
    /// The id must not be known.
    void add(const std::string& id, std::shared_ptr<Session> session);
    /// The session has ended: it is remembered from now on. Forgets the oldest beyond the limit.
    void ended(const std::string& id, Time now);
    /// The session has ended, and nobody can ask for it again.
    void remove(const std::string& id) { sessions_.erase(id); }
    /// Forgets what ended longer ago than limits::session_memory, and the oldest half of what is
    /// remembered when `short_of_memory`. Of the time in which nobody asked a minute counts: it may
    /// be a jump of the clock at a restore, behind which clients try again.
    void forget(Time now, bool short_of_memory);

    /// Those that have not ended.
    [[nodiscard]] std::size_t live() const { return sessions_.size() - remembered_.size(); }
    [[nodiscard]] std::size_t remembered() const { return remembered_.size(); }
    /// All, oldest first.
    [[nodiscard]] std::vector<std::shared_ptr<Session>> all() const;

private:
    struct Entry {
        std::uint64_t number = 0;
        std::shared_ptr<Session> session;
    };
    struct Ended {
        std::string id;
        Time at;
    };

    void note_time(Time now);
    void forget_oldest();

    std::map<std::string, Entry> sessions_;
    std::deque<Ended> remembered_;      ///< in the order of their end
    std::deque<std::size_t> forgotten_; ///< hashes of ids, oldest first
    std::uint64_t count_ = 0;
    Time noted_at_; ///< when somebody asked last
};

} // namespace rouse::exec
