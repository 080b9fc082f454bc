// Task groups, races and deadlines, and the connection registry.

#include "agent/io/connection_registry.hpp"
#include "agent/io/race.hpp"
#include "agent/io/task_group.hpp"
#include "tests/support/peer.hpp"
#include "tests/support/run_until.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch_test_macros.hpp>

#include <stdexcept>
#include <string>
#include <vector>

using namespace rouse;
using namespace std::chrono_literals;
using test::run_until;

namespace {

using Escapes = std::vector<std::string>;

io::TaskGroup::OnEscape record(Escapes& escapes) {
    return [&escapes](const std::string& task, const std::string& what) {
        escapes.push_back(task + ": " + what);
    };
}

io::Awaitable<> throw_it() {
    throw std::runtime_error("boom");
    co_return; // Makes it a coroutine.
}

io::Awaitable<> mark(bool& done) {
    done = true;
    co_return;
}

io::Awaitable<> join(io::TaskGroup& group, std::chrono::milliseconds deadline, int& joined) {
    io::Awaitable<bool> joining = group.join(deadline);
    const bool empty = co_await std::move(joining);
    joined = empty ? 1 : 0;
}

io::Awaitable<> wait_for(io::Timer& timer) {
    (void)co_await timer.async_wait(io::no_throw); // both ways are an end
}

io::Awaitable<> wait_readable(io::Socket& socket, io::error_code& outcome) {
    auto waited = co_await socket.async_wait(io::Socket::wait_read, io::no_throw);
    outcome = std::get<0>(waited);
}

io::Awaitable<> timed_forever(bool& in_time, bool& ended) {
    io::Awaitable<bool> timed = io::with_deadline(io::forever(), 1ms);
    in_time = co_await std::move(timed);
    ended = true;
}

io::Awaitable<> race_throwing(bool& caught) {
    io::Awaitable<io::Winner> racing = io::race(io::forever(), throw_it());
    try {
        (void)co_await std::move(racing);
    } catch (const std::runtime_error&) {
        caught = true;
    }
}

} // namespace

TEST_CASE("a task may end between a cancellation from outside the loop and its turn", "[io]") {
    boost::asio::io_context io;
    Escapes escapes;
    io::TaskGroup group(io.get_executor(), record(escapes));
    io::Timer timer(io, 1h);
    group.spawn("waiting", wait_for(timer));
    io.poll();
    timer.cancel(); // the task will be resumed, and end,
    group.cancel(); // before this signal is emitted
    REQUIRE(run_until(io, [&] { return group.size() == 0; }));
    io.poll();
    CHECK(escapes.empty());
}

TEST_CASE("a kept task begins anew after each exception, until it ends or is cancelled", "[io]") {
    boost::asio::io_context io{1};
    Escapes escapes;
    io::TaskGroup group(io.get_executor(), record(escapes));
    int starts = 0;
    SECTION("it ends") {
        bool done = false;
        group.keep("kept", [&] { return ++starts < 3 ? throw_it() : mark(done); });
        REQUIRE(run_until(io, [&] { return done && group.size() == 0; }));
    }
    SECTION("it is cancelled") {
        group.keep("kept", [&] { return ++starts < 3 ? throw_it() : io::forever(); });
        REQUIRE(run_until(io, [&] { return starts == 3; }));
        boost::asio::post(io, [&] { group.cancel(); });
        REQUIRE(run_until(io, [&] { return group.size() == 0; }));
    }
    CHECK(starts == 3);
    CHECK(escapes == Escapes{"kept: boom", "kept: boom"});
}

TEST_CASE("what escapes a task is reported with its name and ends only that task", "[io]") {
    io::asio::io_context loop;
    Escapes escapes;
    bool done = false;
    io::TaskGroup group(loop.get_executor(), record(escapes));
    group.spawn("thrower", throw_it());
    group.spawn("other", mark(done));
    CHECK(run_until(loop, [&] { return group.size() == 0; }));
    CHECK(done);
    CHECK(escapes == Escapes{"thrower: boom"});
}

TEST_CASE("a cancelled group ends, and cancellation is no escape", "[io]") {
    io::asio::io_context loop;
    Escapes escapes;
    io::TaskGroup group(loop.get_executor(), record(escapes));
    io::TaskGroup other(loop.get_executor(), record(escapes));
    for (int i = 0; i < 10; ++i)
        group.spawn("waiter", io::forever());
    int joined = -1;
    other.spawn("early join", join(group, 1ms, joined));
    CHECK(run_until(loop, [&] { return joined == 0; }));
    other.spawn("join", join(group, 10s, joined));
    group.cancel();
    CHECK(run_until(loop, [&] { return joined == 1 && other.size() == 0; }));
    CHECK(escapes.empty());
}

TEST_CASE("a deadline cancels the operation and waits for its end", "[io]") {
    io::asio::io_context loop;
    Escapes escapes;
    io::TaskGroup group(loop.get_executor(), record(escapes));
    bool in_time = true;
    bool ended = false;
    group.spawn("timed", timed_forever(in_time, ended));
    CHECK(run_until(loop, [&] { return ended; }));
    CHECK_FALSE(in_time);
}

TEST_CASE("what escapes a racer reaches the caller", "[io]") {
    io::asio::io_context loop;
    Escapes escapes;
    io::TaskGroup group(loop.get_executor(), record(escapes));
    bool caught = false;
    group.spawn("race", race_throwing(caught));
    CHECK(run_until(loop, [&] { return group.size() == 0; }));
    CHECK(caught);
}

TEST_CASE("nothing of an old epoch is used after fence", "[io][invariant]") {
    io::asio::io_context loop;
    Escapes escapes;
    io::TaskGroup group(loop.get_executor(), record(escapes));
    io::ConnectionRegistry registry;
    auto [old_near, old_far] = test::socket_pair(loop);
    auto [kept_near, kept_far] = test::socket_pair(loop);
    const auto old_entry = registry.add(old_near, "http");
    const auto kept_entry = registry.add(kept_near, "http");
    io::error_code old_outcome;
    io::error_code kept_outcome;
    group.spawn("old", wait_readable(old_near, old_outcome));
    group.spawn("kept", wait_readable(kept_near, kept_outcome));
    CHECK_FALSE(run_until(
        loop, [&] { return group.size() < 2; }, 10ms));

    CHECK(registry.fence({.epoch = 2, .keep = kept_entry.id()}) == 1);

    CHECK_FALSE(old_near.is_open());
    CHECK(kept_near.is_open());
    CHECK(registry.epoch() == 2);
    CHECK(run_until(loop, [&] { return group.size() == 1; }));
    CHECK(old_outcome == io::asio::error::operation_aborted);
    auto [new_near, new_far] = test::socket_pair(loop);
    const auto new_entry = registry.add(new_near, "link");
    CHECK(registry.fence({.epoch = 3, .keep = new_entry.id()}) ==
          1); // the one that was kept before
    CHECK(new_near.is_open());
    CHECK(run_until(loop, [&] { return group.size() == 0; }));
    CHECK(kept_outcome == io::asio::error::operation_aborted);
}

TEST_CASE("after a prepared snapshot a fence closes what was open then, and no newer connection",
          "[io]") {
    io::asio::io_context loop;
    io::ConnectionRegistry registry;
    auto [old_near, old_far] = test::socket_pair(loop);
    auto [new_near, new_far] = test::socket_pair(loop);
    const auto old_entry = registry.add(old_near, "http");
    const auto new_entry = registry.add(new_near, "stream");
    CHECK(registry.fence({.epoch = 2, .mark = old_entry.id()}) == 1);
    CHECK_FALSE(old_near.is_open());
    CHECK(new_near.is_open());
    CHECK(registry.entries().back().epoch == 2);
}

TEST_CASE("a connection that names the new generation stays open at its fence", "[io]") {
    io::asio::io_context loop;
    io::ConnectionRegistry registry;
    auto [near, far] = test::socket_pair(loop);
    auto entry = registry.add(near, "http");
    entry.name_generation("new");
    CHECK(registry.fence({.epoch = 2, .generation = "new"}) == 0);
    CHECK(near.is_open());
    CHECK(registry.fence({.epoch = 3, .generation = "newer"}) == 1);
    CHECK(registry.fence({.epoch = 4}) == 0);
    CHECK_FALSE(near.is_open());
}

TEST_CASE("a registration removes its connection", "[io]") {
    io::asio::io_context loop;
    io::ConnectionRegistry registry;
    auto [near, far] = test::socket_pair(loop);
    {
        auto entry = registry.add(near, "http");
        entry.rename("stream");
        CHECK(registry.entries().front().role == "stream");
        const auto moved = std::move(entry);
        CHECK(registry.entries().size() == 1);
    }
    CHECK(registry.entries().empty());
}

TEST_CASE("ids of connections only grow, and idle ones can be closed", "[io]") {
    io::asio::io_context loop;
    io::ConnectionRegistry registry;
    CHECK(registry.newest() == 0);
    auto [near, far] = test::socket_pair(loop);
    auto [idle_near, idle_far] = test::socket_pair(loop);
    auto busy = registry.add(near, "http");
    {
        auto idle = registry.add(idle_near, "http");
        CHECK(registry.newest() == idle.id());
        idle.set_idle(true);
        CHECK(registry.close_idle() == 1);
        CHECK(registry.close_idle() == 0); // closed already, though it is still there
        CHECK(near.is_open());
        CHECK_FALSE(idle_near.is_open());
    }
    CHECK(registry.newest() == 2); // also when that one is gone
    busy.set_idle(true);
    busy.set_idle(false);
    CHECK(registry.close_idle() == 0);
}
