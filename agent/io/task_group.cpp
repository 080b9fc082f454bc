#include "agent/io/task_group.hpp"

#include "agent/io/race.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <utility>

namespace rouse::io {

TaskGroup::TaskGroup(Executor executor, OnEscape on_escape)
    : executor_(std::move(executor)), on_escape_(std::move(on_escape)), empty_(executor_) {}

void TaskGroup::spawn(std::string name, Awaitable<> task) {
    const auto entry = tasks_.emplace(tasks_.end());
    entry->name = std::move(name);
    asio::co_spawn(executor_, std::move(task),
                   asio::bind_cancellation_slot(entry->signal.slot(),
                                                [this, entry](const std::exception_ptr& escaped) {
                                                    finished(entry, escaped);
                                                }));
}

void TaskGroup::cancel() {
    for (Task& task : tasks_)
        task.signal.emit(asio::cancellation_type::terminal);
}

Awaitable<bool> TaskGroup::join(std::chrono::milliseconds deadline) {
    if (tasks_.empty()) co_return true;
    empty_.expires_after(deadline);
    auto waited = co_await empty_.async_wait(no_throw);
    // Cancelled by finished(), or expired: what counts is whether anybody is left.
    (void)waited;
    co_return tasks_.empty();
}

void TaskGroup::finished(std::list<Task>::iterator task, const std::exception_ptr& escaped) {
    const std::string name = std::move(task->name);
    tasks_.erase(task);
    if (tasks_.empty()) empty_.cancel();
    if (!escaped || is_cancellation(escaped)) return;
    try {
        std::rethrow_exception(escaped);
    } catch (const std::exception& error) {
        on_escape_(name, error.what());
    } catch (...) {
        on_escape_(name, "something that is no std::exception");
    }
}

} // namespace rouse::io
