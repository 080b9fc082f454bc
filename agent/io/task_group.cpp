#include "agent/io/task_group.hpp"

#include "agent/io/race.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <exception>
#include <utility>

namespace rouse::io {

namespace {

/// Before a task that an exception has ended begins anew: what was wrong may be over by then.
constexpr std::chrono::milliseconds before_again{100};

} // namespace

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

void TaskGroup::keep(std::string name, std::function<Awaitable<>()> start) {
    Awaitable<> task = repeat(name, std::move(start));
    spawn(std::move(name), std::move(task));
}

Awaitable<> TaskGroup::repeat(std::string name, std::function<Awaitable<>()> start) {
    for (;;) {
        std::exception_ptr escaped;
        try {
            Awaitable<> running = start();
            co_await std::move(running);
            co_return;
        } catch (...) {
            escaped = std::current_exception();
        }
        if (is_cancellation(escaped)) std::rethrow_exception(escaped);
        report(name, escaped);
        Timer pause(executor_, before_again);
        (void)co_await pause.async_wait(no_throw); // Cancelled here, the next wait throws.
    }
}

void TaskGroup::report(const std::string& name, const std::exception_ptr& escaped) const {
    try {
        std::rethrow_exception(escaped);
    } catch (const std::exception& error) {
        on_escape_(name, error.what());
    } catch (...) {
        on_escape_(name, "something that is no std::exception");
    }
}

void TaskGroup::finished(std::list<Task>::iterator task, const std::exception_ptr& escaped) {
    const std::string name = std::move(task->name);
    // Who cancelled from outside the loop has only posted the signal, which has to be there still
    // when its turn comes: what is posted now comes after it.
    std::list<Task> ended;
    ended.splice(ended.end(), tasks_, task);
    asio::post(executor_, [ended = std::move(ended)] {});
    if (tasks_.empty()) empty_.cancel();
    if (escaped && !is_cancellation(escaped)) report(name, escaped);
}

} // namespace rouse::io
