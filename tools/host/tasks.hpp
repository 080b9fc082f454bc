#pragma once
// Runs coroutines side by side and knows when the last one ended.

#include "tools/host/async.hpp"

#include <boost/asio/cancellation_signal.hpp>

#include <functional>
#include <list>

namespace rouse::host {

/// Not thread-safe. join() before it is destroyed: running tasks refer to it.
class Tasks {
public:
    /// `on_escape` is told what a task threw.
    Tasks(Executor executor, std::function<void(const std::string& what)> on_escape);
    Tasks(const Tasks&) = delete;
    Tasks& operator=(const Tasks&) = delete;
    ~Tasks() = default;

    void spawn(Awaitable<> task);
    /// Ends what the tasks wait for with operation_aborted.
    void cancel();
    /// Returns when no task is left.
    Awaitable<> join();
    [[nodiscard]] std::size_t size() const { return running_.size(); }

private:
    Executor executor_;
    std::function<void(const std::string&)> on_escape_;
    Timer empty_; ///< cancelled when the last task ends
    std::list<asio::cancellation_signal> running_;
};

} // namespace rouse::host
