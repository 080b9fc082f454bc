// Runs an event loop until a condition holds: the tests' replacement for sleeping.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>

namespace rouse::test {

/// Runs `io` until `done()` holds or `limit` has passed, and returns whether it held. `done` is
/// asked before the first and after every handler. A loop that runs out of work is not an end by
/// itself: `done` decides.
template <typename Done>
[[nodiscard]] bool run_until(boost::asio::io_context& io, Done done,
                             std::chrono::milliseconds limit = std::chrono::seconds(10)) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!done()) {
        if (std::chrono::steady_clock::now() >= deadline) return false;
        io.restart();
        if (io.run_one_until(deadline) == 0 && io.stopped()) return done();
    }
    return true;
}

/// The same for what happens beside the loop, in the kernel or on another thread: `done` is asked
/// each 5 ms as well.
template <typename Done>
[[nodiscard]] bool watch_until(boost::asio::io_context& io, Done done,
                               std::chrono::milliseconds limit = std::chrono::seconds(10)) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    const auto work = boost::asio::make_work_guard(io);
    while (!done()) {
        if (std::chrono::steady_clock::now() >= deadline) return false;
        io.restart();
        (void)io.run_one_for(std::chrono::milliseconds(5)); // nothing may have been ready
    }
    return true;
}

} // namespace rouse::test
