// The life of the workload: its back-off, its limits, and every order of events.
#include "agent/workload/life.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fmt/format.h>

#include <set>

using namespace rouse;
using namespace std::chrono_literals;
using proto::RestartPolicy;
using workload::Life;
using workload::LifeOptions;
using workload::Order;
using workload::Orders;
using workload::Phase;
using workload::Time;

namespace {

LifeOptions options_of(RestartPolicy policy) {
    LifeOptions options;
    options.restart = {.policy = policy,
                       .delay = 100ms,
                       .delay_max = 800ms,
                       .healthy = 10s,
                       .max = 0,
                       .window = 60s};
    options.stop_grace = 5s;
    return options;
}

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

/// What every order of events has to keep to, checked beside the machine.
struct World {
    explicit World(LifeOptions given) : options(given), life(given) { carry_out(life.begin()); }

    void carry_out(const Orders& orders) {
        for (const Order order : orders)
            carry_out(order);
        if (life.has_process() != process) broken = "the machine and the world differ";
        if (finished && life.phase() != Phase::over) broken = "it goes on after its end";
        if (no_more && life.phase() == Phase::waiting) broken = "it waits for what nobody wants";
    }

    void carry_out(Order order) {
        if (finished) broken = "an order after the end";
        switch (order) {
        case Order::start:
            if (process || no_more) broken = "a run too many";
            process = true;
            executed = announced = terminated = killed = false;
            break;
        case Order::announce:
            if (!executed || announced || terminated) broken = "ready at the wrong time";
            announced = true;
            break;
        case Order::terminate:
            if (!executed || terminated) broken = "a stop signal to nobody";
            terminated = true;
            terminated_at = now;
            break;
        case Order::kill:
            if (!terminated || killed) broken = "a kill without a warning";
            if (now - terminated_at < options.stop_grace) broken = "a kill before its grace";
            killed = true;
            break;
        case Order::pause:
        case Order::hold:
            if (process) broken = "a pause beside a run";
            if (no_more) broken = "a pause that nobody waits for";
            break;
        case Order::finish:
            if (process) broken = "an end beside a run";
            finished = true;
        }
    }

    void starts() {
        executed = true;
        carry_out(life.started(now));
    }
    void ends(bool success) {
        process = false;
        carry_out(life.ended(now, success));
    }
    void passes() {
        now = *life.next_due();
        carry_out(life.due(now));
    }

    LifeOptions options;
    Life life;
    Time now = Time(1000s);
    Time terminated_at;
    bool process = false, executed = false, announced = false, terminated = false, killed = false;
    bool finished = false, no_more = false;
    std::string broken;
};

struct Explorer {
    std::size_t worlds = 0;
    std::set<Phase> phases;

    void explore(const World& world, int depth) {
        REQUIRE(world.broken == "");
        ++worlds;
        phases.insert(world.life.phase());
        settle(world);
        if (depth == 0) return;
        if (world.process && !world.executed) go(world, depth, [](World& next) { next.starts(); });
        if (world.process)
            for (const bool success : {true, false})
                go(world, depth, [success](World& next) { next.ends(success); });
        if (world.life.next_due()) go(world, depth, [](World& next) { next.passes(); });
        go(world, depth, [](World& next) { next.carry_out(next.life.ready()); });
        go(world, depth, [](World& next) { next.carry_out(next.life.stop(next.now)); });
        go(world, depth, [](World& next) { next.carry_out(next.life.restart(next.now)); });
        go(world, depth, [](World& next) {
            next.no_more = true;
            next.carry_out(next.life.end(next.now));
        });
        go(world, depth, [](World& next) {
            next.no_more = true;
            next.carry_out(next.life.let_end());
        });
    }

    template <typename Step>
    void go(World world, int depth, Step step) {
        step(world);
        explore(world, depth - 1);
    }

    /// Whatever has happened: an end that is asked for comes, however the process takes it.
    static void settle(World world) {
        world.no_more = true;
        world.carry_out(world.life.end(world.now));
        if (world.process && !world.executed) world.starts();
        while (world.life.next_due())
            world.passes();
        CHECK((!world.process || world.killed || !world.executed));
        if (world.process) world.ends(false);
        CHECK(world.finished);
        CHECK(world.broken == "");
    }
};

} // namespace

TEST_CASE("in every order of events the workload has one process, and an end that is asked for",
          "[workload]") {
    Explorer explorer;
    for (const RestartPolicy policy :
         {RestartPolicy::no, RestartPolicy::on_failure, RestartPolicy::always})
        for (const bool asks : {false, true}) {
            LifeOptions options = options_of(policy);
            options.asks_for_ready = asks;
            options.ready_timeout = 3s;
            options.restart.max = 2;
            explorer.explore(World(options), 5);
        }
    WARN(explorer.worlds << " worlds");
    CHECK(explorer.phases.size() == 6); // all but idle
}

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
    LifeOptions options = options_of(RestartPolicy::on_failure);
    options.asks_for_ready = true;
    options.ready_timeout = 3s;
    Life life(options);
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
    LifeOptions options = options_of(RestartPolicy::no);
    options.asks_for_ready = true;
    options.ready_timeout = 3s;
    Life life(options);
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
    LifeOptions options = options_of(RestartPolicy::always);
    options.asks_for_ready = true;
    options.ready_timeout = 3s;
    Life life(options);
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
