// The life of the workload: its back-off, its limits, its readiness.
#include "tests/unit/workload_options.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace rouse;
using namespace std::chrono_literals;
using proto::RestartPolicy;
using test::asking_options_of;
using test::options_of;
using workload::Life;
using workload::LifeOptions;
using workload::Order;
using workload::Orders;
using workload::Phase;
using workload::Time;

namespace {

/// Runs the workload once, for `length`, and lets the pause pass; returns it, or nothing when no
/// other run came.
std::optional<std::chrono::milliseconds> one_run(Life& life, Time& now, Time::duration length,
                                                 bool success) {
    (void)life.started(now);
    now += length;
    const Orders orders = life.ended(now, success);
    if (orders != Orders{Order::pause}) return std::nullopt;
    REQUIRE(life.next_due() == now + life.pause());
    REQUIRE(life.due(now + life.pause() - 1ns).empty());
    now += life.pause();
    REQUIRE(life.due(now) == Orders{Order::start});
    return life.pause();
}

} // namespace

TEST_CASE("each pause before a restart is twice the one before, up to the longest", "[workload]") {
    Life life(options_of(RestartPolicy::always));
    Time now(1000s);
    CHECK(life.begin() == Orders{Order::start});
    for (const auto pause : {100ms, 200ms, 400ms, 800ms, 800ms})
        CHECK(one_run(life, now, 1s, true) == pause);
    CHECK(one_run(life, now, 10s, false) == 100ms); // it was healthy for long enough
    CHECK(one_run(life, now, 10s - 1ms, false) == 200ms);
}

TEST_CASE("the policy says after which ends there is another run", "[workload]") {
    const auto again = [](RestartPolicy policy, bool success) {
        Life life(options_of(policy));
        Time now(1000s);
        (void)life.begin();
        return one_run(life, now, 1s, success).has_value();
    };
    CHECK_FALSE(again(RestartPolicy::no, false));
    CHECK_FALSE(again(RestartPolicy::on_failure, true));
    CHECK(again(RestartPolicy::on_failure, false));
    CHECK(again(RestartPolicy::always, true));
    CHECK(again(RestartPolicy::always, false));
}

TEST_CASE("a workload that ends too often within the window is given up", "[workload]") {
    LifeOptions options = options_of(RestartPolicy::always);
    options.restart.max = 2;
    Life life(options);
    Time now(1000s);
    (void)life.begin();
    CHECK(one_run(life, now, 40s, false) == 100ms);
    CHECK(one_run(life, now, 30s, false) == 100ms);
    CHECK(one_run(life, now, 40s, false) == 100ms); // the first was more than 60 s ago
    CHECK_FALSE(one_run(life, now, 10s, false));
    CHECK(life.gave_up());
    CHECK(life.phase() == Phase::over);
}

TEST_CASE("a run that is not ready in time is stopped, and has failed", "[workload]") {
    Life life(asking_options_of(RestartPolicy::on_failure));
    const Time now(1000s);
    (void)life.begin();
    CHECK(life.started(now).empty());
    life.extend_ready(now + 5s);
    CHECK(life.due(now + 4s).empty());
    CHECK(life.due(now + 5s) == Orders{Order::terminate});
    CHECK(life.was_late());
    CHECK(life.ready().empty()); // too late
    CHECK(life.ended(now + 6s, true) == Orders{Order::pause});
}

TEST_CASE("a run that is ready in time is said to be once", "[workload]") {
    Life life(asking_options_of(RestartPolicy::no));
    (void)life.begin();
    (void)life.started(Time(1000s));
    CHECK_FALSE(life.is_ready());
    CHECK(life.ready() == Orders{Order::announce});
    CHECK(life.ready().empty());
    CHECK(life.is_ready());
    CHECK_FALSE(life.next_due());
}

TEST_CASE("a stopped workload stays so until it is restarted, without a pause", "[workload]") {
    Life life(options_of(RestartPolicy::always));
    Time now(1000s);
    (void)life.begin();
    CHECK(one_run(life, now, 1s, false) == 100ms);
    (void)life.started(now);
    CHECK(life.stop(now) == Orders{Order::terminate});
    CHECK(life.due(now + 5s) == Orders{Order::kill});
    CHECK(life.ended(now + 5s, false) == Orders{Order::hold});
    CHECK_FALSE(life.next_due());
    CHECK(life.restart(now + 6s) == Orders{Order::start});
    now += 6s;
    CHECK(one_run(life, now, 1s, false) == 100ms); // the back-off has begun anew
}

TEST_CASE("a jump of the clock leaves the grace of a stop as it was", "[workload]") {
    Life life(options_of(RestartPolicy::no));
    const Time now(1000s);
    (void)life.begin();
    (void)life.started(now);
    (void)life.end(now);
    const Time due = life.next_due().value();
    CHECK(due == now + 5s);
    life.waited(due, now, now + 3600s);
    CHECK(life.due(now + 3600s).empty());
    const Time again = life.next_due().value();
    life.waited(again, now + 3600s, again + 10s);
    CHECK(life.due(again + 10s) == Orders{Order::kill}); // one such chance
}

TEST_CASE("what a run says before it is known to have started counts from then on", "[workload]") {
    Life life(asking_options_of(RestartPolicy::always));
    const Time now(1000s);
    (void)life.begin();
    CHECK(life.ready().empty());
    CHECK(life.started(now) == Orders{Order::announce});
    CHECK(life.is_ready());
    // It is the word of that run, and of no other.
    (void)life.restart(now);
    CHECK(life.ended(now, false) == Orders{Order::start});
    life.extend_ready(now + 10s);
    CHECK(life.started(now).empty());
    CHECK(life.next_due() == now + 10s);
}

TEST_CASE("what has not begun has no end that would be told, and does not begin after it",
          "[workload]") {
    Life life(options_of(RestartPolicy::always));
    const Time now(1000s);
    CHECK(life.restart(now).empty());
    CHECK(life.stop(now).empty());
    CHECK(life.phase() == Phase::idle);
    CHECK((GENERATE(true, false) ? life.end(now) : life.let_end()).empty());
    CHECK(life.phase() == Phase::over);
    CHECK(life.begin().empty());
}
