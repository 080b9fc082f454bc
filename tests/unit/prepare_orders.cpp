// The preparation for a snapshot in every order of events.
#include "tests/unit/prepare_world.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

using namespace rouse;
using namespace rouse::test;

namespace {

struct Explorer {
    /// Everything in which two worlds with the same future may not differ.
    static std::string key(const PrepareWorld& world) {
        const PrepareState& s = world.machine.state();
        return fmt::format(
            "{}|{}|{}{}{}{}{}|{}{}|{}{}{}|{}|{}.{}.{}.{}|{}", static_cast<int>(s.phase),
            world.at_work ? static_cast<int>(world.at_work->step) : -1, s.hooked, s.frozen,
            s.filesystems, s.only_filesystems, world.restoring, static_cast<int>(s.why),
            s.lease_held, s.lease_was_due, s.expired, world.marked, world.timer != 0,
            s.tickets.size(), s.undo_tickets.size(), s.waiting.size(),
            world.asked.size() + world.undoing.size(), world.ticket < most_requests);
    }

    void explore(const PrepareWorld& world) {
        REQUIRE(world.broken == "");
        if (!seen.insert(key(world)).second) return;
        settle(world);
        if (world.at_work) {
            for (const char* outcome : {"ok", "failed"})
                go(world, [&](PrepareWorld& next) { next.finish(outcome); });
        }
        if (world.timer != 0)
            go(world, [](PrepareWorld& next) { next.happen(prepare_event::LeaseDue{next.timer}); });
        const bool held = world.machine.state().lease_held;
        go(world, [&](PrepareWorld& next) { next.happen(prepare_event::LeaseHeld{!held}); });
        if (world.ticket >= most_requests) return;
        go(world, [](PrepareWorld& next) { next.ask(); });
        go(world, [](PrepareWorld& next) { next.undo(Undo::resume); });
        go(world, [](PrepareWorld& next) { next.undo(Undo::restore, {}, true); });
        go(world, [](PrepareWorld& next) { next.undo(Undo::restore); });
        go(world, [](PrepareWorld& next) { next.undo(Undo::shutdown); });
    }

    template <typename Step>
    void go(PrepareWorld world, Step step) {
        ++transitions;
        step(world);
        explore(world);
    }

    /// With hands that work, nobody who says more, and a lease that runs out, all is undone.
    static void settle(PrepareWorld world) {
        world.finish_all();
        world.happen(prepare_event::LeaseHeld{false});
        world.finish_all();
        // Who waited for the undoing may have begun another one.
        for (std::uint64_t i = 0; i < most_requests && world.timer != 0; ++i) {
            world.happen(prepare_event::LeaseDue{world.timer});
            world.finish_all();
        }
        CHECK(world.asked.empty());
        CHECK(world.undoing.empty());
        CHECK(world.machine.state().phase == PreparePhase::idle);
        CHECK_FALSE(world.frozen);
        CHECK_FALSE(world.filesystems);
        CHECK_FALSE(world.machine.refuses_spawns());
        CHECK(world.broken == "");
    }

    static constexpr std::uint64_t most_requests = 5;
    std::set<std::string> seen;
    std::size_t transitions = 0;
};

} // namespace

TEST_CASE("in every order of events a preparation ends, and leaves nothing frozen", "[prepare]") {
    Explorer explorer;
    explorer.explore(PrepareWorld());
    WARN(explorer.seen.size() << " states, " << explorer.transitions << " transitions");
    CHECK(explorer.seen.size() > 500);
}
