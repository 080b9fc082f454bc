// The preparation for a snapshot as a state machine: its order and its way back.
#include "tests/unit/prepare_world.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace rouse;
using namespace rouse::test;

namespace {

Names outcomes(const std::vector<proto::RestoreStep>& steps) {
    Names all;
    for (const auto& step : steps)
        all.push_back(step.name + " " + step.outcome);
    return all;
}

} // namespace

TEST_CASE("a preparation goes in the one order that works, and back in reverse", "[prepare]") {
    PrepareWorld world;
    world.ask();
    world.finish_all();
    CHECK(world.steps == Names{"spawns", "hook prepare", "freeze", "flush", "connections", "sync",
                               "filesystems", "console"});
    CHECK(world.prepared.state == "prepared");
    CHECK(world.prepared.lease == lease);
    CHECK(world.prepared.lease_ms == 60000);
    CHECK(world.prepared.frozen);
    CHECK(world.prepared.unflushed_bytes == 7);
    CHECK(world.marked);
    CHECK(world.machine.state_name() == "prepared");
    world.steps.clear();
    world.undo(Undo::resume, lease);
    world.finish_all();
    CHECK(world.steps == Names{"thaw filesystems", "thaw", "hook resume"});
    CHECK(world.resumed.state == "resumed");
    CHECK(outcomes(world.resumed.steps) ==
          Names{"thaw filesystems ok", "thaw ok", "hook resume ok"});
    CHECK_FALSE(world.marked);
    CHECK(world.machine.state_name() == "none");
    CHECK(world.records == Names{"prepared", "resumed"});
    CHECK(world.broken == "");
}

TEST_CASE("what was not asked for, or is not configured, is skipped and said so", "[prepare]") {
    PrepareWorld world{PrepareOptions{}};
    proto::PrepareRequest request;
    request.freeze = false;
    request.sync = false;
    world.ask(request);
    world.finish_all();
    CHECK(world.steps == Names{"spawns", "flush", "connections", "console"});
    CHECK(world.prepared.state == "prepared");
    CHECK_FALSE(world.prepared.frozen);
    CHECK(outcomes(world.prepared.steps) ==
          Names{"spawns ok", "hook prepare skipped", "freeze skipped", "flush ok", "connections ok",
                "sync skipped", "filesystems skipped", "console ok"});
    world.steps.clear();
    world.undo(Undo::resume);
    CHECK(world.steps.empty());
    CHECK(world.resumed.state == "resumed");
}

TEST_CASE("a step that must not fail undoes what was done before it", "[prepare]") {
    struct Row {
        PrepareStep step;
        Names undone;
    };
    const auto row = GENERATE(
        Row{PrepareStep::hook, {"hook resume"}}, Row{PrepareStep::freeze, {"thaw", "hook resume"}},
        Row{PrepareStep::sync, {"thaw", "hook resume"}},
        Row{PrepareStep::freeze_filesystems, {"thaw filesystems", "thaw", "hook resume"}});
    PrepareWorld world;
    world.ask();
    world.run_to(row.step);
    world.steps.clear();
    world.finish("failed");
    world.run_to(PrepareStep::resume_hook);
    // It is answered when the payload runs again; the hook may take longer.
    CHECK(world.prepared.state == "failed");
    CHECK(world.prepared.lease.empty());
    CHECK_FALSE(world.prepared.frozen);
    CHECK(world.kinds.back() == "failed");
    world.finish_all();
    CHECK(world.steps == row.undone);
    CHECK(world.machine.state_name() == "none");
    CHECK(world.records == Names{"prepare_failed"});
    CHECK(world.broken == "");
}

TEST_CASE("a step that may fail stops nothing", "[prepare]") {
    const auto step = GENERATE(PrepareStep::spawns, PrepareStep::flush, PrepareStep::connections,
                               PrepareStep::console);
    PrepareWorld world;
    world.ask();
    world.run_to(step);
    world.finish("failed");
    world.finish_all();
    CHECK(world.prepared.state == "prepared");
}

TEST_CASE("what the deadline leaves no time for has failed", "[prepare]") {
    PrepareWorld world;
    proto::PrepareRequest request;
    request.deadline = 1000ms;
    world.ask(request);
    world.run_to(PrepareStep::flush);
    CHECK(world.at_work->budget == 400ms); // half of what the undoing leaves
    world.now += 900ms;
    world.finish();
    CHECK(world.at_work->step == PrepareStep::thaw);
    world.finish();
    CHECK(world.prepared.state == "failed");
    CHECK(world.prepared.steps.at(4).detail == "no time was left for it");
}

TEST_CASE("whoever asks twice gets one preparation", "[prepare]") {
    PrepareWorld world;
    world.ask();
    world.ask();
    world.finish_all();
    CHECK(world.asked.empty());
    const auto first = world.prepared;
    const Names steps = world.steps;
    world.now += 50s;
    proto::PrepareRequest longer = PrepareWorld::everything();
    longer.lease = 90s;
    world.ask(longer);
    CHECK(world.steps == steps); // nothing was done again
    CHECK(world.prepared.lease == first.lease);
    CHECK(world.prepared.lease_ms == 90000);
    CHECK(world.machine.lease_due() == world.now + 90s);
    CHECK(world.broken == "");
}

TEST_CASE("a lease that runs out undoes the preparation, and the next resume hears of it",
          "[prepare]") {
    PrepareWorld world;
    world.ask();
    world.finish_all();
    world.now += 60s;
    world.happen(prepare_event::LeaseDue{world.timer});
    CHECK(world.kinds.back() == "lease");
    world.finish_all();
    CHECK(world.machine.state_name() == "expired");
    CHECK_FALSE(world.frozen);
    CHECK(world.records.back() == "lease_expired");
    world.undo(Undo::resume, lease);
    CHECK(world.resumed.state == "expired");
    CHECK(world.machine.state_name() == "none");
    world.undo(Undo::resume);
    CHECK(world.resumed.state == "not_prepared");
    world.undo(Undo::resume, lease); // It was that one.
    CHECK(world.resumed.state == "expired");
}

TEST_CASE("a lease that runs out late is given once more, since the clock has jumped",
          "[prepare]") {
    PrepareWorld world;
    world.ask();
    world.finish_all();
    world.now += 60s + 251ms;
    const std::uint64_t first = world.timer;
    world.happen(prepare_event::LeaseDue{first});
    CHECK(world.machine.state_name() == "prepared");
    CHECK(world.timer != first);
    CHECK(world.after == 60s);
    world.happen(prepare_event::LeaseDue{first}); // of a timer that was replaced
    CHECK(world.machine.state_name() == "prepared");
    world.now += 61s;
    world.happen(prepare_event::LeaseDue{world.timer});
    CHECK(world.machine.state_name() == "resuming");
}

TEST_CASE("while a restore chain holds the lease it thaws nothing", "[prepare]") {
    PrepareWorld world;
    world.ask();
    world.finish_all();
    world.happen(prepare_event::LeaseHeld{true});
    world.now += 60s;
    world.happen(prepare_event::LeaseDue{world.timer});
    CHECK(world.frozen);
    CHECK_FALSE(world.at_work.has_value());
    SECTION("what ran out meanwhile is undone when it lets go") {
        world.happen(prepare_event::LeaseHeld{false});
        world.finish_all();
        CHECK(world.machine.state_name() == "expired");
        CHECK_FALSE(world.frozen);
    }
    SECTION("the chain thaws, first the file systems, and runs no hook") {
        world.steps.clear();
        world.undo(Undo::restore, {}, true);
        world.finish_all();
        CHECK(world.steps == Names{"thaw filesystems"});
        CHECK(world.frozen);
        CHECK(world.machine.state_name() == "prepared");
        world.undo(Undo::restore);
        world.finish_all();
        CHECK(world.steps == Names{"thaw filesystems", "thaw"});
        CHECK(world.machine.state_name() == "none");
        world.happen(prepare_event::LeaseHeld{false});
        CHECK(world.machine.state_name() == "none");
    }
    CHECK(world.broken == "");
}

TEST_CASE("a resume that names another lease undoes nothing", "[prepare]") {
    PrepareWorld world;
    world.ask();
    world.finish_all();
    world.undo(Undo::resume, other_lease);
    CHECK(world.resumed.state == "not_prepared");
    CHECK(world.frozen);
    CHECK(world.machine.state_name() == "prepared");
}

TEST_CASE("a preparation that is interrupted is given up and undone", "[prepare]") {
    const auto why = GENERATE(Undo::resume, Undo::restore, Undo::shutdown);
    PrepareWorld world;
    world.ask();
    world.run_to(PrepareStep::sync);
    world.undo(why);
    CHECK(world.cancels == 1);
    CHECK(world.frozen); // until the step at work has ended
    world.ask();         // begins when all is undone
    world.finish("failed");
    CHECK(world.at_work->step == PrepareStep::thaw);
    world.finish();
    CHECK(world.prepared.state == "failed");
    CHECK(world.prepared.steps.back().name == "thaw");
    world.finish_all();
    CHECK(world.resumed.state == "resumed");
    CHECK(world.prepared.state == "prepared"); // the second
    CHECK(world.broken == "");
}
