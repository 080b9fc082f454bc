// Calls that may block, on workers beside the loop.
#include "agent/io/blocking.hpp"
#include "agent/sys/pipe.hpp"
#include "agent/sys/signals.hpp"
#include "tests/support/run_until.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <set>
#include <thread>

#include <unistd.h>

using namespace rouse;
using namespace std::chrono_literals;

namespace {

/// A call that hangs in the kernel until it is let go.
class Hanging {
public:
    Hanging() : pipe_(sys::make_pipe(sys::PipeMode::blocking).value()) {}

    /// Borrows this, which outlives the call.
    [[nodiscard]] std::function<void()> call() {
        return [this] {
            char byte = 0;
            while (::read(pipe_.read.get(), &byte, 1) < 0 && errno == EINTR) {
            }
            ++ended_;
        };
    }
    void let_go() { pipe_.write.reset(); }
    [[nodiscard]] int ended() const { return ended_; }

private:
    sys::Pipe pipe_;
    std::atomic<int> ended_{0};
};

struct BlockingRig {
    boost::asio::io_context io{1};
    std::vector<std::string> given_up;
    sys::BlockingCalls calls;
    io::Blocking blocking{io.get_executor(), calls,
                          [this](const std::string& name) { given_up.push_back(name); }};

    /// Starts a call; the answer appears in `returned`.
    void start(std::chrono::milliseconds deadline, std::function<void()> call,
               std::vector<bool>& returned) {
        boost::asio::co_spawn(
            io, blocking.run("a call", deadline, std::move(call)),
            [&](const std::exception_ptr&, bool in_time) { returned.push_back(in_time); });
    }
};

} // namespace

TEST_CASE("a blocking call runs on another thread, and its result comes to the loop",
          "[blocking]") {
    BlockingRig rig;
    const auto loop = std::this_thread::get_id();
    std::optional<std::thread::id> worker;
    const std::function<std::thread::id()> call = [] { return std::this_thread::get_id(); };
    boost::asio::co_spawn(rig.io, rig.blocking.get<std::thread::id>("who", 10s, call),
                          [&](const std::exception_ptr&, std::optional<std::thread::id> id) {
                              CHECK(std::this_thread::get_id() == loop);
                              worker = id;
                          });
    REQUIRE(test::watch_until(rig.io, [&] { return worker.has_value(); }));
    CHECK(*worker != loop);
    CHECK(rig.calls.counters().completed == 1);
    CHECK(rig.given_up.empty());
}

TEST_CASE("at most four calls block at the same time, the others wait for their turn",
          "[blocking]") {
    Hanging hanging;
    BlockingRig rig;
    std::vector<bool> returned;
    for (int i = 0; i < 10; ++i)
        rig.start(60s, hanging.call(), returned);
    // Four may run before the last ones were asked for.
    REQUIRE(test::watch_until(rig.io, [&] {
        return rig.calls.counters().running == 4 && rig.calls.counters().queued == 6;
    }));
    hanging.let_go();
    REQUIRE(test::watch_until(rig.io, [&] { return returned.size() == 10; }));
    CHECK(returned == std::vector<bool>(10, true));
}

TEST_CASE("a call that hangs is given up at its deadline and reported, and the loop goes on",
          "[blocking]") {
    Hanging hanging;
    BlockingRig rig;
    std::vector<bool> returned;
    rig.start(50ms, hanging.call(), returned);
    bool other_done = false;
    boost::asio::co_spawn(rig.io, rig.blocking.run("another", 10s, [] {}),
                          [&](const std::exception_ptr&, bool in_time) { other_done = in_time; });
    REQUIRE(test::watch_until(rig.io, [&] { return returned.size() == 1 && other_done; }));
    CHECK_FALSE(returned.front());
    CHECK(rig.given_up == std::vector<std::string>{"a call"});
    CHECK(rig.calls.counters().given_up == 1);
    CHECK(rig.calls.counters().running == 1);
    CHECK(hanging.ended() == 0);
    // It does no harm when it comes back after all.
    hanging.let_go();
    CHECK(test::watch_until(rig.io, [&] { return rig.calls.counters().running == 0; }));
    CHECK(returned.size() == 1);
}

TEST_CASE("a call that has not begun by its deadline never begins", "[blocking]") {
    Hanging hanging;
    BlockingRig rig;
    std::vector<bool> returned;
    for (int i = 0; i < 4; ++i)
        rig.start(60s, hanging.call(), returned);
    std::atomic<bool> begun = false;
    rig.start(
        20ms, [&] { begun = true; }, returned);
    REQUIRE(test::watch_until(rig.io, [&] { return returned.size() == 1; }));
    CHECK_FALSE(returned.front());
    hanging.let_go();
    REQUIRE(test::watch_until(rig.io, [&] { return returned.size() == 5; }));
    CHECK(rig.calls.counters().completed == 4);
    CHECK_FALSE(begun);
}

TEST_CASE("a coroutine that is cancelled gives its call up without a report", "[blocking]") {
    Hanging hanging;
    BlockingRig rig;
    boost::asio::cancellation_signal cancel;
    std::optional<bool> returned;
    boost::asio::co_spawn(
        rig.io, rig.blocking.run("a call", 60s, hanging.call()),
        boost::asio::bind_cancellation_slot(
            cancel.slot(), [&](const std::exception_ptr&, bool in_time) { returned = in_time; }));
    REQUIRE(test::watch_until(rig.io, [&] { return rig.calls.counters().running == 1; }));
    cancel.emit(boost::asio::cancellation_type::terminal);
    REQUIRE(test::watch_until(rig.io, [&] { return returned.has_value(); }));
    CHECK_FALSE(*returned);
    CHECK(rig.given_up.empty());
    CHECK(rig.calls.counters().given_up == 1);
    hanging.let_go();
    CHECK(test::watch_until(rig.io, [&] { return hanging.ended() == 1; }));
}

TEST_CASE("the loop may end before a call that hangs", "[blocking]") {
    Hanging hanging;
    std::vector<bool> returned;
    {
        BlockingRig rig;
        rig.start(60s, hanging.call(), returned);
        REQUIRE(test::watch_until(rig.io, [&] { return rig.calls.counters().running == 1; }));
    }
    hanging.let_go();
    boost::asio::io_context other{1};
    CHECK(test::watch_until(other, [&] { return hanging.ended() == 1; }));
    CHECK(returned.empty());
}

TEST_CASE("workers take no signals but faults", "[blocking]") {
    BlockingRig rig;
    std::optional<sigset_t> mask;
    const std::function<sigset_t()> call = [] {
        sigset_t set{};
        (void)::pthread_sigmask(SIG_SETMASK, nullptr, &set);
        return set;
    };
    boost::asio::co_spawn(
        rig.io, rig.blocking.get<sigset_t>("mask", 10s, call),
        [&](const std::exception_ptr&, std::optional<sigset_t> set) { mask = set; });
    REQUIRE(test::watch_until(rig.io, [&] { return mask.has_value(); }));
    const sigset_t expected = sys::all_but_faults();
    for (int number = 1; number <= SIGRTMAX; ++number) {
        if (number == SIGKILL || number == SIGSTOP || (number >= 32 && number < SIGRTMIN)) continue;
        CAPTURE(number);
        CHECK(::sigismember(&*mask, number) == ::sigismember(&expected, number));
    }
    // And ours is as it was.
    sigset_t own{};
    (void)::pthread_sigmask(SIG_SETMASK, nullptr, &own);
    CHECK(::sigismember(&own, SIGUSR1) == 0);
}

TEST_CASE("a call that throws is as one that never returns", "[blocking]") {
    BlockingRig rig;
    std::vector<bool> returned;
    rig.start(
        20ms, [] { throw std::bad_alloc(); }, returned);
    REQUIRE(test::watch_until(rig.io, [&] { return returned.size() == 1; }));
    CHECK_FALSE(returned.front());
    CHECK(rig.calls.counters().running == 0);
}
