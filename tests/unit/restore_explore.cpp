// Every order of events around the restore chain, on its real code.
#include "tests/unit/restore_lives.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fmt/format.h>

#include <iostream>
#include <set>
#include <unordered_set>

using namespace rouse;
using namespace rouse::restore;
using namespace std::chrono_literals;
using rouse::test::RestoreWorld;
using rouse::test::run;

namespace {

/// Lives from which the exploration sets out, so that it gets deep into each of them.
std::vector<RestoreWorld> starts(ChainOptions options) {
    std::vector<RestoreWorld> worlds{RestoreWorld(options)};
    if (!options.has_link) {
        run(worlds.emplace_back(options), {"boot", "fenced", "rebound", "prepared", "snapshot"});
        return worlds;
    }
    run(worlds.emplace_back(options), {"boot", "fenced", "rebound", "link up", "probed", "ack"});
    RestoreWorld prepared = worlds.back();
    run(prepared, {"prepared"});
    prepared.advance(10s);
    RestoreWorld thawed = prepared;
    run(thawed, {"snapshot", "lost", "fenced", "rebound", "link up"});
    RestoreWorld restored = worlds.back();
    restored.advance(10s);
    run(restored, {"word a", "fenced", "rebound", "link up", "probed", "ack", "applied"});
    RestoreWorld lonely = worlds.back();
    lonely.advance(10s);
    run(lonely, {"vmgenid", "fenced", "rebound", "link failed"});
    RestoreWorld lost = worlds.back();
    lost.advance(10s);
    run(lost, {"lost", "fenced"});
    worlds.insert(worlds.end(), {prepared, thawed, restored, lonely, lost});
    return worlds;
}

/// What an exploration has met.
struct Explored {
    std::size_t states = 0;
    std::set<std::string> transitions; ///< "step, event"
};

/// Tries every order of events that differ in their effect, breadth first.
Explored explore(ChainOptions options, std::size_t depth) {
    Explored explored;
    std::unordered_set<std::string> seen;
    std::vector<RestoreWorld> now = starts(options);
    for (std::size_t step = 0; step < depth; ++step) {
        std::vector<RestoreWorld> next;
        for (const RestoreWorld& world : now) {
            for (const RestoreWorld::Choice& choice : world.choices()) {
                explored.transitions.insert(
                    fmt::format("{}, {}", world.machine().step(), choice.name));
                RestoreWorld after = world;
                after.happen(choice);
                if (after.broken().empty() && !seen.insert(after.key()).second) continue;
                RestoreWorld end = after;
                end.settle();
                INFO(end.history());
                REQUIRE(end.broken() == "");
                next.push_back(std::move(after));
            }
        }
        now = std::move(next);
    }
    explored.states = seen.size();
    return explored;
}

} // namespace

TEST_CASE("the restore chain keeps its promises in every order of events", "[restore]") {
    struct Case {
        const char* name;
        bool require_probe;
        bool has_link;
    };
    const auto [name, require_probe, has_link] =
        GENERATE(Case{"with a host", true, true}, Case{"without a required probe", false, true},
                 Case{"without a link", true, false});
    ChainOptions options;
    options.require_probe = require_probe;
    options.has_link = has_link;
    const Explored shallow = explore(options, 3);
    const Explored explored = explore(options, 4);
    std::cout << fmt::format("restore chain {}: {} states, {} transitions, of which depth 3 has "
                             "{}\n",
                             name, explored.states, explored.transitions.size(),
                             shallow.transitions.size());
    CHECK(explored.states > 1000);
}
