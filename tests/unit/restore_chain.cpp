#include "tests/unit/restore_lives.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace rouse;
using namespace rouse::restore;
using namespace std::chrono_literals;
using rouse::test::connected;
using rouse::test::RestoreWorld;
using rouse::test::run;

TEST_CASE("the first boot runs the same chain as a restore", "[restore]") {
    const RestoreWorld world = connected();
    const proto::RestoreReport& report = world.machine().reports().back();
    CHECK(world.machine().state().outcome == restore::Outcome::connected);
    CHECK(report.epoch == 1);
    CHECK(report.kind == "boot");
    CHECK(report.exec == "proven");
    CHECK(report.state == "complete");
}

TEST_CASE("a host word and the canary's loss of one restore make one rebind", "[restore]") {
    RestoreWorld world = connected();
    run(world, {"lost", "fenced", "word b", "rebound", "link up", "probed", "ack", "applied"});
    CHECK(world.rebinds() == 2); // one at boot
    CHECK(world.machine().reports().back().kind == "restore");
    CHECK(world.machine().state().generation == test::generation_b);
    CHECK(world.machine().state().parent == test::local_generation);
}

TEST_CASE("a word that belongs to the loss completes a degraded chain without a second rebind",
          "[restore]") {
    RestoreWorld world = connected();
    run(world, {"lost", "fenced", "rebound", "link failed"});
    CHECK(world.machine().state().outcome == restore::Outcome::degraded);
    world.advance(1s);
    run(world, {"word b", "applied"});
    CHECK(world.rebinds() == 2);
    CHECK(world.machine().reports().back().exec == "local");
    world.advance(60s);
    run(world, {"word a"});
    CHECK(world.machine().state().phase == Phase::fencing);
}

TEST_CASE("what comes soon after a slow chain's end belongs to it, and closes nothing",
          "[restore]") {
    const std::string late = GENERATE("vmgenid", "cid", "lost", "word b");
    INFO(late);
    RestoreWorld world = connected();
    const std::size_t before = world.rebinds();
    run(world, {late == "lost" || late == "word b" ? "vmgenid" : "lost", "fenced"});
    world.advance(6s);
    run(world, {"rebound", "link up", "probed", "ack"});
    world.advance(1s);
    run(world, {late.c_str()});
    CHECK(world.rebinds() == before + 1);
    CHECK(world.machine().state().epoch == 2);
}

TEST_CASE("the same generation is handled once", "[restore]") {
    RestoreWorld world = connected();
    run(world, {"word a", "fenced", "rebound", "link up", "probed", "ack a", "applied"});
    const std::uint64_t epoch = world.machine().state().epoch;
    run(world, {"word a"});
    CHECK(world.machine().state().epoch == epoch);
    CHECK(world.rebinds() == 2);
    // The link names it, too: transport part only.
    world.advance(10s);
    run(world, {"lost", "fenced", "rebound", "link up", "probed", "ack a"});
    CHECK(world.machine().reports().back().kind == "transport_loss");
    CHECK(world.machine().state().outcome == restore::Outcome::connected);
    // Whoever says it again learns what it did, and not what has happened since.
    run(world, {"word a"});
    CHECK(world.answered() == "restore");
}

TEST_CASE("who repeats a generation while connections are lost learns what brought it",
          "[restore]") {
    RestoreWorld world = connected();
    run(world, {"word a", "fenced", "rebound", "link up", "probed", "ack a", "applied"});
    world.advance(10s);
    run(world, {"lost", "word a", "fenced", "rebound", "link up", "probed", "ack a"});
    CHECK(world.machine().reports().back().kind == "transport_loss");
    CHECK(world.answered() == "restore");
}

TEST_CASE("a link that dies while the host is asked is redialled within the chain", "[restore]") {
    RestoreWorld world = connected();
    run(world, {"word a", "fenced", "rebound", "link up", "probed", "lost", "redial", "link up"});
    CHECK(world.machine().state().epoch == 2);
    CHECK_FALSE(world.machine().state().link.probed);
    run(world, {"ack", "probed", "applied"});
    CHECK(world.machine().state().outcome == restore::Outcome::connected);
    CHECK(world.rebinds() == 2);
}

TEST_CASE("a host that answers late finds the chain waiting", "[restore]") {
    RestoreWorld world;
    run(world, {"boot", "fenced", "rebound", "link failed"});
    CHECK(world.machine().state().gate_open);
    CHECK_FALSE(world.machine().state().output_on);
    CHECK(world.machine().reports().back().state == "degraded");
    CHECK(world.machine().reports().back().exec == "unproven");
    run(world, {"redial", "link up", "ack a", "probed", "applied"});
    CHECK(world.machine().state().outcome == restore::Outcome::connected);
    CHECK(world.machine().reports().size() == 1);
    CHECK(world.machine().reports().back().state == "complete");
    CHECK(world.machine().state().epoch == 1);
}

TEST_CASE("an answer to another hello is ignored", "[restore]") {
    RestoreWorld world;
    run(world, {"boot", "fenced", "rebound", "link up", "probed", "wrong ack"});
    CHECK(world.machine().state().phase == Phase::opening);
    CHECK(world.machine().state().generation == test::local_generation);
}

TEST_CASE("a document that cannot be applied leaves everything shut, and may be tried again",
          "[restore]") {
    RestoreWorld world = connected();
    run(world, {"word a", "fenced", "rebound", "link up", "probed", "ack", "not applied"});
    CHECK(world.machine().state().outcome == restore::Outcome::failed);
    CHECK(world.machine().step() == "failed");
    CHECK(world.machine().reports().back().generation == test::generation_a);
    CHECK(world.machine().state().generation == test::local_generation);
    run(world, {"word a", "fenced", "rebound", "link up", "probed", "ack", "applied"});
    CHECK(world.machine().state().outcome == restore::Outcome::connected);
    CHECK(world.machine().state().generation == test::generation_a);
}

TEST_CASE("a document that could not be applied is owed, whatever begins the next chain",
          "[restore]") {
    const std::string next = GENERATE("lost", "cid", "word");
    INFO(next);
    RestoreWorld world = connected();
    run(world, {"word a", "fenced", "rebound", "link up", "probed", "ack", "not applied"});
    world.advance(10s);
    run(world, {next.c_str(), "fenced", "rebound", "link up", "probed", "ack"});
    CHECK_FALSE(world.machine().state().gate_open);
    run(world, {"applied"});
    CHECK(world.machine().state().gate_open);
    CHECK(world.machine().state().generation == test::generation_a);
}

TEST_CASE("what waits for the step at work is not forgotten for what comes after it", "[restore]") {
    RestoreWorld world;
    SECTION("a proof of another VM, for a mere loss") {
        run(world, {"boot", "vmgenid", "cid", "fenced"});
        CHECK(world.machine().state().moved);
    }
    SECTION("a source, for the host's word") {
        run(world, {"boot", "vmgenid", "word a", "fenced"});
        CHECK(world.machine().state().moved);
        CHECK(world.machine().state().word.has_value());
    }
}

TEST_CASE("a second generation waits for the step at work and then gets a chain of its own",
          "[restore]") {
    RestoreWorld world = connected();
    run(world, {"word a", "fenced", "word b", "rebound", "fenced", "rebound", "link failed"});
    run(world, {"applied"});
    CHECK(world.machine().state().epoch == 3);
    CHECK(world.machine().state().generation == test::generation_b);
    CHECK(world.machine().reports()[1].state == "failed");
    CHECK(world.machine().reports()[1].generation == test::generation_a);
}

TEST_CASE("a deadline that a jump of the clock overtook is given once more", "[restore]") {
    RestoreWorld world;
    run(world, {"boot", "fenced", "rebound", "link up"});
    world.advance(3h);
    run(world, {"confirm deadline"});
    CHECK(world.machine().state().phase == Phase::opening);
    world.advance(5s);
    run(world, {"confirm deadline"});
    CHECK(world.machine().state().outcome == restore::Outcome::degraded);
    run(world, {"ack", "probed"});
    CHECK(world.machine().state().outcome == restore::Outcome::connected);
}

TEST_CASE("a link that is up and silent is given up for another one", "[restore]") {
    RestoreWorld world;
    run(world, {"boot", "fenced", "rebound", "link up", "confirm deadline"});
    CHECK(world.machine().state().outcome == restore::Outcome::degraded);
    CHECK(world.machine().state().link.state == LinkState::up);
    run(world, {"confirm deadline", "redial", "link up", "probed", "ack"});
    CHECK(world.machine().state().outcome == restore::Outcome::connected);
    CHECK(world.machine().state().epoch == 1);
}

TEST_CASE("after a minute without a host the link is dialled only when somebody wants it",
          "[restore]") {
    RestoreWorld world;
    run(world, {"boot", "fenced", "rebound", "link failed"});
    world.advance(61s);
    run(world, {"redial", "link failed"});
    CHECK(world.machine().state().link.state == LinkState::none);
    run(world, {"wanted", "link up", "probed", "ack"});
    CHECK(world.machine().state().outcome == restore::Outcome::connected);
}

TEST_CASE("without the host's probe the output connects only where it is not required",
          "[restore]") {
    ChainOptions lenient;
    lenient.require_probe = false;
    RestoreWorld world(lenient);
    run(world, {"boot", "fenced", "rebound", "link up", "ack", "confirm deadline"});
    CHECK(world.machine().state().output_on);
    CHECK(world.machine().reports().back().exec == "unproven");

    RestoreWorld strict;
    run(strict, {"boot", "fenced", "rebound", "link up", "ack", "confirm deadline"});
    CHECK(strict.machine().state().gate_open);
    CHECK_FALSE(strict.machine().state().output_on);
    run(strict, {"probed"});
    CHECK(strict.machine().state().output_on);
}
