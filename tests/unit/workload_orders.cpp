// The life of the workload in every order of events.
#include "tests/unit/workload_options.hpp"

#include <catch2/catch_test_macros.hpp>

#include <set>
#include <string>

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
            LifeOptions options = asks ? test::asking_options_of(policy) : test::options_of(policy);
            options.restart.max = 2;
            explorer.explore(World(options), 5);
        }
    WARN(explorer.worlds << " worlds");
    CHECK(explorer.phases.size() == 6); // all but idle
}
