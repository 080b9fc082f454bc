#pragma once
// Several coroutines at once: the first to end wins, all must end, or one against the clock.

#include "agent/io/async.hpp"

#include <chrono>
#include <exception>
#include <optional>
#include <utility>

namespace rouse::io {

enum class Winner { first, second };

/// Runs both; when one ends, the other is cancelled. Returns when both have ended and says which
/// ended first. Rethrows what escaped either of them; the operation_aborted of the cancelled one is
/// no such thing.
Awaitable<Winner> race(Awaitable<> first, Awaitable<> second);

/// Runs both to their end. When an exception escapes one, the other is cancelled, and the exception
/// is rethrown once both have ended.
Awaitable<> both(Awaitable<> first, Awaitable<> second);

/// Waits. An expiry that comes more than 250 ms late says that the clock jumped (a restore) and not
/// that the time has passed for our peer: it is waited for once more, and clock_jumps.hpp hears of
/// it.
Awaitable<> expire(std::chrono::milliseconds after);

/// Waits until cancelled.
Awaitable<> forever();

/// Whether `operation` ended before `deadline`; if not, it was cancelled and has ended, too.
Awaitable<bool> with_deadline(Awaitable<> operation, std::chrono::milliseconds deadline);

/// Whether `escaped` is only what a cancelled operation throws.
bool is_cancellation(const std::exception_ptr& escaped);

template <typename T>
Awaitable<> store_result(Awaitable<T> operation, std::optional<T>& result) {
    T value = co_await std::move(operation);
    result.emplace(std::move(value));
}

/// As above, with a result: empty when the deadline came first.
template <typename T>
Awaitable<std::optional<T>> with_deadline(Awaitable<T> operation,
                                          std::chrono::milliseconds deadline) {
    std::optional<T> result;
    Awaitable<> storing = store_result<T>(std::move(operation), result);
    Awaitable<bool> timed = with_deadline(std::move(storing), deadline);
    const bool in_time = co_await std::move(timed);
    if (!in_time) result.reset();
    co_return result;
}

} // namespace rouse::io
