#pragma once
// Owns running coroutines: names them, logs what escapes them, cancels and joins them.

#include "agent/io/async.hpp"

#include <boost/asio/cancellation_signal.hpp>

#include <chrono>
#include <functional>
#include <list>
#include <string>

namespace rouse::io {

/// One thread. Destroying a group with running tasks is a programming error except at the end of
/// the program, when the io_context has stopped.
class TaskGroup {
public:
    /// Called with the task's name and what was thrown.
    using OnEscape = std::function<void(const std::string& task, const std::string& what)>;

    TaskGroup(Executor executor, OnEscape on_escape);
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;
    TaskGroup(TaskGroup&&) = delete;
    TaskGroup& operator=(TaskGroup&&) = delete;
    ~TaskGroup() = default;

    /// Starts `task`. An exception that escapes it is reported and ends only this task.
    void spawn(std::string name, Awaitable<> task);
    /// Starts what `start` makes, and makes it anew whenever an exception has ended it, which is
    /// reported: for tasks that nothing works without.
    void keep(std::string name, std::function<Awaitable<>()> start);
    /// Asks every task to stop: pending operations end with operation_aborted.
    void cancel();
    /// Returns when no task is left, or at the deadline; says whether none is left.
    Awaitable<bool> join(std::chrono::milliseconds deadline);
    [[nodiscard]] std::size_t size() const { return tasks_.size(); }

private:
    struct Task {
        std::string name;
        asio::cancellation_signal signal;
    };

    Awaitable<> repeat(std::string name, std::function<Awaitable<>()> start);
    void report(const std::string& name, const std::exception_ptr& escaped) const;
    void finished(std::list<Task>::iterator task, const std::exception_ptr& escaped);

    Executor executor_;
    OnEscape on_escape_;
    Timer empty_; ///< cancelled when the last task ends
    std::list<Task> tasks_;
};

} // namespace rouse::io
