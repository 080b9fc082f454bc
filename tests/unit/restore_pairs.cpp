// One restore that two triggers notice: every pair of them, in every order, at every point of the
// chain.
#include "tests/unit/restore_world.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <set>
#include <unordered_set>

using namespace rouse;
using namespace rouse::restore;
using namespace std::chrono_literals;
using rouse::test::RestoreWorld;

namespace {

/// What the machine and a host that does its work do by themselves.
const std::set<std::string> progress{"fenced", "rebound", "link up", "probed",
                                     "ack a",  "applied", "redial",  "verified"};

const RestoreWorld::Choice* find(const std::vector<RestoreWorld::Choice>& choices,
                                 const std::string& name) {
    const auto found = std::ranges::find(choices, name, &RestoreWorld::Choice::name);
    return found == choices.end() ? nullptr : &*found;
}

void happen(RestoreWorld& world, const std::string& name) {
    const std::vector<RestoreWorld::Choice> can = world.choices();
    const RestoreWorld::Choice* choice = find(can, name);
    INFO(world.history() << ", then " << name);
    REQUIRE(choice != nullptr);
    world.happen(RestoreWorld::Choice(*choice));
    REQUIRE(world.broken() == "");
}

/// A machine that has run for a while, was frozen, and has just been thawed somewhere else.
RestoreWorld thawed() {
    RestoreWorld world;
    for (const char* name : {"boot", "fenced", "rebound", "link up", "probed", "ack"})
        happen(world, name);
    world.advance(1h);
    happen(world, "snapshot");
    return world;
}

struct Life {
    RestoreWorld world;
    std::set<std::string> to_come; ///< triggers that have not spoken yet
};

/// What `life` can become next: a trigger speaks, or something that is under way gets done.
std::vector<Life> next_lives(const Life& life) {
    std::vector<Life> lives;
    for (const RestoreWorld::Choice& choice : life.world.choices()) {
        const bool speaks = life.to_come.contains(choice.name);
        if (!speaks && !progress.contains(choice.name)) continue;
        Life& after = lives.emplace_back(life);
        if (speaks) after.to_come.erase(choice.name);
        after.world.happen(choice);
    }
    return lives;
}

/// The machine has come to rest after both have spoken.
void check_end(const RestoreWorld& world, const RestoreWorld& before) {
    INFO(world.history());
    CHECK(world.rebinds() - before.rebinds() == 1);
    CHECK(world.output_connects() - before.output_connects() == 1);
    CHECK(world.machine().state().outcome == Outcome::connected);
    CHECK(world.machine().state().generation == test::generation_a);
    CHECK(world.machine().state().parent == test::local_generation);
    CHECK(world.machine().reports().back().kind == "restore");
}

/// Every order of two triggers and of all that the chain does meanwhile; the number of ends.
std::size_t try_pair(const std::string& one, const std::string& other) {
    const RestoreWorld before = thawed();
    std::unordered_set<std::string> seen;
    std::vector<Life> lives{{before, {one, other}}};
    std::size_t ends = 0;
    while (!lives.empty()) {
        Life life = std::move(lives.back());
        lives.pop_back();
        INFO(life.world.history());
        REQUIRE(life.world.broken() == "");
        const auto outcome = life.world.machine().state().outcome;
        if (life.to_come.empty() && outcome == Outcome::connected) {
            check_end(life.world, before);
            ++ends;
        }
        for (Life& next : next_lives(life))
            if (seen.insert(next.world.key() + std::to_string(next.to_come.size()) +
                            (next.to_come.empty() ? "" : *next.to_come.begin()))
                    .second)
                lives.push_back(std::move(next));
    }
    return ends;
}

} // namespace

TEST_CASE("one restore makes one rebind and one output connect, whichever two triggers notice it",
          "[restore]") {
    const std::vector<std::string> triggers{"lost", "word a", "vmgenid", "vmclock",
                                            "cid",  "mmds a", "clock"};
    std::size_t ends = 0;
    std::size_t pairs = 0;
    for (const std::string& one : triggers)
        for (const std::string& other : triggers) {
            if (one >= other) continue;
            INFO(one << " and " << other);
            const std::size_t met = try_pair(one, other);
            CHECK(met > 0);
            ends += met;
            ++pairs;
        }
    std::cout << fmt::format("restore chain: {} ends of {} pairs of triggers\n", ends, pairs);
}
