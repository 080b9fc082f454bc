#pragma once
// Knows every connection by epoch and age, so that a restore can close what is old without waiting
// for anybody.

#include "agent/io/async.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <string>

namespace rouse::io {

/// What a fence closes.
struct FenceRule {
    std::uint64_t epoch = 0; ///< that begins
    std::uint64_t keep = 0;  ///< id of a connection that stays; 0: none
    /// What a connection has to name in order to stay; empty: none can.
    std::string generation = {};
    /// 0: everything older than the epoch is closed. Otherwise only what has an id up to this one,
    /// and what the kernel has marked dead; the rest moves to the new epoch.
    std::uint64_t mark = 0;
};

class ConnectionRegistry {
public:
    struct Entry {
        std::uint64_t id = 0;
        std::string role; ///< "http", "exec stream", "link", "output stdout", …
        std::uint64_t epoch = 0;
        std::chrono::steady_clock::time_point opened;
        Socket* socket = nullptr;
        std::string generation = {}; ///< that its peer has named
        bool idle = false;           ///< it waits for its peer's next request
    };

    /// Removes the connection on destruction. The registry and the socket outlive it.
    class Registration {
    public:
        Registration() = default;
        Registration(ConnectionRegistry& registry, std::list<Entry>::iterator entry);
        Registration(Registration&& other) noexcept;
        Registration& operator=(Registration&& other) noexcept;
        Registration(const Registration&) = delete;
        Registration& operator=(const Registration&) = delete;
        ~Registration();
        [[nodiscard]] std::uint64_t id() const;
        void rename(std::string role);
        /// The peer knows the life of the VM that has this generation: see FenceRule.
        void name_generation(std::string generation);
        void set_idle(bool idle);

    private:
        ConnectionRegistry* registry_ = nullptr;
        std::list<Entry>::iterator entry_;
    };

    /// The new connection belongs to the current epoch. Borrows the socket.
    [[nodiscard]] Registration add(Socket& socket, std::string role);

    /// Begins an epoch and closes, at once and without waiting for its coroutine, every connection
    /// that the rule does not let stay; what stays moves to the new epoch. Pending operations of a
    /// closed connection end with operation_aborted, new ones with bad_descriptor. Returns how many
    /// were closed.
    std::size_t fence(const FenceRule& rule);

    /// Closes, as fence() does, every connection that waits for its peer's next request: nothing is
    /// lost with it, and the peer connects anew. Returns how many.
    std::size_t close_idle();

    /// Id of the newest connection there ever was; 0 before the first. Ids only grow, so that it
    /// tells those that are there now from those that will come.
    [[nodiscard]] std::uint64_t newest() const { return next_id_ - 1; }

    /// 1 from the start of the agent until the first fence.
    [[nodiscard]] std::uint64_t epoch() const { return epoch_; }
    [[nodiscard]] const std::list<Entry>& entries() const { return entries_; }

private:
    std::list<Entry> entries_;
    std::uint64_t epoch_ = 1;
    std::uint64_t next_id_ = 1;
};

} // namespace rouse::io
