#include "tests/unit/restore_lives.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>

namespace rouse::test {

void run(RestoreWorld& world, std::initializer_list<const char*> names) {
    for (const char* name : names) {
        std::vector<RestoreWorld::Choice> can = world.choices();
        const auto found = std::ranges::find_if(
            can, [name](const RestoreWorld::Choice& choice) { return choice.name == name; });
        INFO(world.history() << ", then " << name);
        REQUIRE(found != can.end());
        world.happen(RestoreWorld::Choice(*found));
        REQUIRE(world.broken().empty());
    }
}

RestoreWorld connected() {
    RestoreWorld world;
    run(world, {"boot", "fenced", "rebound", "link up", "probed", "ack"});
    world.advance(std::chrono::seconds(10));
    return world;
}

} // namespace rouse::test
