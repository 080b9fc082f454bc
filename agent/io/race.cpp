#include "agent/io/race.hpp"

#include "agent/io/clock_jumps.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <array>
#include <tuple>

namespace rouse::io {

namespace {

namespace experimental = asio::experimental;

struct Ended {
    std::array<std::size_t, 2> order;
    std::exception_ptr first;
    std::exception_ptr second;
};

template <typename Condition>
Awaitable<Ended> run_group(Awaitable<> first, Awaitable<> second, Condition condition) {
    const Executor executor = co_await asio::this_coro::executor;
    auto group = experimental::make_parallel_group(
        asio::co_spawn(executor, std::move(first), asio::deferred),
        asio::co_spawn(executor, std::move(second), asio::deferred));
    auto waiting = group.async_wait(condition, asio::use_awaitable);
    auto ended = co_await std::move(waiting);
    co_return Ended{std::get<0>(ended), std::get<1>(ended), std::get<2>(ended)};
}

void rethrow_real(const std::exception_ptr& escaped) {
    if (escaped && !is_cancellation(escaped)) std::rethrow_exception(escaped);
}

} // namespace

bool is_cancellation(const std::exception_ptr& escaped) {
    if (!escaped) return false;
    try {
        std::rethrow_exception(escaped);
    } catch (const boost::system::system_error& error) {
        return error.code() == asio::error::operation_aborted;
    } catch (...) {
        return false;
    }
}

Awaitable<Winner> race(Awaitable<> first, Awaitable<> second) {
    Awaitable<Ended> group =
        run_group(std::move(first), std::move(second), experimental::wait_for_one());
    const Ended ended = co_await std::move(group);
    rethrow_real(ended.first);
    rethrow_real(ended.second);
    const Winner winner = ended.order[0] == 0 ? Winner::first : Winner::second;
    // A winner that ended by cancellation means that the whole race was cancelled.
    const std::exception_ptr& escaped = winner == Winner::first ? ended.first : ended.second;
    if (escaped) std::rethrow_exception(escaped);
    co_return winner;
}

Awaitable<> both(Awaitable<> first, Awaitable<> second) {
    Awaitable<Ended> group =
        run_group(std::move(first), std::move(second), experimental::wait_for_one_error());
    const Ended ended = co_await std::move(group);
    rethrow_real(ended.first);
    rethrow_real(ended.second);
    if (ended.first) std::rethrow_exception(ended.first);
    if (ended.second) std::rethrow_exception(ended.second);
}

Awaitable<> expire(std::chrono::milliseconds after) {
    const Executor executor = co_await asio::this_coro::executor;
    Timer timer(executor);
    sys::SecondChance second;
    sys::SteadyTime fired;
    do {
        timer.expires_after(after);
        co_await timer.async_wait(asio::use_awaitable);
        fired = Timer::clock_type::now();
        note_expiry(executor, timer.expiry(), fired);
    } while (second.take(timer.expiry(), fired));
}

Awaitable<> forever() {
    const Executor executor = co_await asio::this_coro::executor;
    Timer timer(executor);
    timer.expires_at(Timer::time_point::max());
    co_await timer.async_wait(asio::use_awaitable);
}

Awaitable<bool> with_deadline(Awaitable<> operation, std::chrono::milliseconds deadline) {
    Awaitable<Winner> timed = race(std::move(operation), expire(deadline));
    const Winner winner = co_await std::move(timed);
    co_return winner == Winner::first;
}

} // namespace rouse::io
