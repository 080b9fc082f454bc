#include "tools/host/tasks.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/system/system_error.hpp>

namespace rouse::host {
namespace {

/// What was thrown; empty for the end that cancel() asks for.
std::string describe(const std::exception_ptr& escaped) {
    try {
        if (escaped) std::rethrow_exception(escaped);
    } catch (const boost::system::system_error& error) {
        if (error.code() != asio::error::operation_aborted) return error.what();
    } catch (const std::exception& error) {
        return error.what();
    }
    return {};
}

} // namespace

Tasks::Tasks(Executor executor, std::function<void(const std::string& what)> on_escape)
    : executor_(std::move(executor)), on_escape_(std::move(on_escape)), empty_(executor_) {
    empty_.expires_at(Clock::time_point::max());
}

void Tasks::spawn(Awaitable<> task) {
    const auto entry = running_.emplace(running_.end());
    auto finished = [this, entry](const std::exception_ptr& escaped) {
        running_.erase(entry);
        if (const std::string what = describe(escaped); !what.empty()) on_escape_(what);
        if (running_.empty()) empty_.cancel();
    };
    asio::co_spawn(executor_, std::move(task),
                   asio::bind_cancellation_slot(entry->slot(), std::move(finished)));
}

void Tasks::cancel() {
    for (asio::cancellation_signal& signal : running_)
        signal.emit(asio::cancellation_type::terminal);
}

Awaitable<> Tasks::join() {
    while (!running_.empty())
        (void)co_await empty_.async_wait(no_throw); // always cancelled: it never expires
}

} // namespace rouse::host
