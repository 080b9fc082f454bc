#include "tests/unit/restore_rig.hpp"
#include "tests/unit/restore_world.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace rouse;
using namespace rouse::restore;
using namespace std::chrono_literals;
using World = rouse::test::RestoreRig;

TEST_CASE("the first boot confirms the host and then connects the output", "[restore]") {
    World world;
    world.fake.listen();
    world.service.begin();
    world.tasks.spawn("gate", world.ask_gate());
    REQUIRE(test::run_until(world.io, [&] { return !world.fake.confirms.empty() && world.gate; }));
    REQUIRE(world.output.size() == 1);
    CHECK(world.output[0] == world.service.identity());
    CHECK(world.gate == true);
    CHECK(world.fake.confirms[0].exec == "proven");
    CHECK(world.fake.confirms[0].state == "complete");
    CHECK(world.fake.hellos[0].epoch == 1);
    CHECK(world.service.identity().generation == world.fake.hellos[0].generation);
    world.fake.send(proto::FrameType::ping, "are you there");
    REQUIRE(test::run_until(world.io, [&] { return !world.fake.pongs.empty(); }));
    CHECK(world.fake.pongs[0] == "are you there");
}

TEST_CASE("a lost link begins an epoch with a key of its own", "[restore]") {
    World world;
    world.fake.listen();
    world.service.begin();
    REQUIRE(test::run_until(world.io, [&] { return world.output.size() == 1; }));
    world.fake.document.generation = test::generation_b;
    world.fake.hang_up();
    REQUIRE(test::run_until(world.io, [&] { return world.fake.events.size() == 1; }));
    REQUIRE(world.output.size() == 2);
    CHECK(world.output[1].epoch == 2);
    CHECK(world.output[1].link_key != world.output[0].link_key);
    CHECK(world.output[1].boot_id == world.output[0].boot_id);
    CHECK(world.output[1].generation == test::generation_b);
    CHECK(world.output[1].parent_generation == world.output[0].generation);
    CHECK(world.rebinds == 2);
    CHECK(world.registry.epoch() == 2);
    CHECK(world.fake.events[0].type == "restored");
    CHECK(world.service.reports().back().trigger == "canary");
}

TEST_CASE("the host's word is answered after CONFIRM", "[restore]") {
    World world;
    world.fake.listen();
    world.service.begin();
    REQUIRE(test::run_until(world.io, [&] { return world.output.size() == 1; }));
    world.ask(test::generation_b);
    world.ask(test::generation_b);
    REQUIRE(test::run_until(world.io, [&] { return world.answers.size() == 2; }));
    CHECK(world.answers[0] == world.answers[1]);
    CHECK(world.answers[0].kind == "restore");
    CHECK(world.answers[0].exec == "proven");
    CHECK(world.answers[0].generation == test::generation_b);
    CHECK(world.rebinds == 2);
    CHECK(world.repaired.size() == 1);
    std::uint64_t sum = 0;
    for (const proto::RestoreStep& step : world.answers[0].steps)
        sum += step.duration_us;
    CHECK(sum == world.answers[0].total_us);
    world.ask(test::generation_b);
    REQUIRE(test::run_until(world.io, [&] { return world.answers.size() == 3; }));
    CHECK(world.rebinds == 2);
    CHECK(world.answers[2].epoch == world.answers[0].epoch);
}

TEST_CASE("without a host on the link the word alone restores", "[restore]") {
    const bool with_link = GENERATE(true, false);
    World world(with_link);
    world.service.begin();
    REQUIRE(test::run_until(world.io, [&] { return world.service.ready("").ready; }));
    CHECK(world.output.empty());
    CHECK(world.service.reports().back().state == "degraded");
    world.ask(test::generation_b);
    REQUIRE(test::run_until(world.io, [&] { return world.answers.size() == 1; }));
    CHECK(world.answers[0].exec == "local");
    CHECK(world.answers[0].generation == test::generation_b);
    CHECK(world.service.identity().generation == test::generation_b);
    CHECK(world.output.empty());
}

TEST_CASE("a host that comes later is redialled and gets the output", "[restore]") {
    World world;
    world.service.begin();
    REQUIRE(test::run_until(world.io, [&] { return world.service.ready("").ready; }));
    world.fake.listen();
    REQUIRE(test::run_until(world.io, [&] { return world.output.size() == 1; }));
    CHECK(world.service.identity().epoch == 1);
    CHECK(world.service.reports().back().exec == "proven");
}

TEST_CASE("an answer with a wrong nonce proves nothing", "[restore]") {
    World world;
    world.fake.nonce_prefix = "x";
    world.fake.listen();
    world.service.begin();
    REQUIRE(test::run_until(world.io, [&] { return !world.service.reports().empty(); }));
    CHECK(world.service.reports().back().state == "degraded");
    CHECK(world.log.find("answers another hello") != std::string::npos);
    CHECK(world.output.empty());
}

TEST_CASE("entropy that cannot be added keeps execs refused and the output off", "[restore]") {
    World world;
    world.fake.listen();
    world.service.begin();
    REQUIRE(test::run_until(world.io, [&] { return world.output.size() == 1; }));
    world.entropy_fails = true;
    world.ask(test::generation_b);
    REQUIRE(test::run_until(world.io, [&] { return world.answers.size() == 1; }));
    CHECK(world.answers[0].state == "failed");
    CHECK_FALSE(world.service.ready("").ready);
    CHECK(world.service.step() == "failed");
    CHECK(world.output.size() == 1);
    CHECK(world.service.identity().generation != test::generation_b);
    world.entropy_fails = false;
    world.ask(test::generation_b);
    REQUIRE(test::run_until(world.io, [&] { return world.answers.size() == 2; }));
    CHECK(world.answers[1].state == "complete");
    CHECK(world.output.size() == 2);
}

TEST_CASE("events are repeated on each new link until they are acknowledged", "[restore]") {
    World world;
    world.fake.acknowledges_events = false;
    world.fake.listen();
    world.service.publish("workload_exit", {{"code", 3}});
    world.service.begin();
    REQUIRE(test::run_until(world.io, [&] { return world.fake.events.size() == 1; }));
    world.fake.acknowledges_events = true;
    world.fake.hang_up();
    REQUIRE(test::run_until(
        world.io, [&] { return world.service.status().at("events_waiting").as_uint64() == 0; }));
    CHECK(world.fake.events[0].sequence == 1);
    CHECK(world.fake.events[1] == world.fake.events[0]);
}

TEST_CASE("the configuration of the host's answer comes when its document is in force",
          "[restore]") {
    World world;
    std::vector<std::string> order;
    world.at_step = [&](std::string_view step) {
        if (step == "repair" || step == "output" || step == "configuration")
            order.emplace_back(step);
    };
    world.fake.document.entropy = "random";
    world.fake.document.config = "{}";
    world.fake.listen();
    world.service.begin();
    REQUIRE(test::run_until(world.io, [&] { return !world.configurations.empty(); }));
    CHECK(order == std::vector<std::string>{"repair", "output", "configuration"});
    CHECK(world.configurations == std::vector<std::string>{"boot document of the link: {}"});
    CHECK(world.service.ready("").ready);
    // On another link the host says it anew, for a guest that did not like the first one.
    world.fake.document.config = R"({"a":1})";
    world.fake.hang_up();
    REQUIRE(test::run_until(world.io, [&] { return world.configurations.size() == 2; }));
    CHECK(world.repaired.size() == 1);
}

TEST_CASE("no configuration comes of an answer that the chain refuses", "[restore]") {
    World world;
    world.fake.nonce_prefix = "x";
    world.fake.document.config = "{}";
    world.fake.listen();
    world.service.begin();
    REQUIRE(test::run_until(world.io, [&] { return !world.service.reports().empty(); }));
    CHECK(world.log.find("answers another hello") != std::string::npos);
    CHECK(world.configurations.empty());
    // The second answer to one hello, whatever it says.
    world.fake.nonce_prefix = "";
    world.fake.document.config = "";
    REQUIRE(test::run_until(world.io, [&] { return !world.fake.confirms.empty(); }));
    world.fake.document.config = "{}";
    const proto::LinkHelloAck again{1, world.fake.hellos.back().nonce, world.fake.document};
    world.fake.send(proto::FrameType::hello_ack, boost::json::serialize(to_json(again)));
    REQUIRE(test::run_until(
        world.io, [&] { return world.log.find("a second HELLO_ACK") != std::string::npos; }));
    CHECK(world.configurations.empty());
}

TEST_CASE("the configuration of a host word comes when the gate is open, and not before",
          "[restore]") {
    World world(false);
    world.service.begin();
    REQUIRE(test::run_until(world.io, [&] { return world.service.ready("").ready; }));
    std::vector<bool> open;
    world.at_step = [&](std::string_view step) {
        if (step == "configuration") open.push_back(world.service.ready("").ready);
    };
    // Fail closed: nothing is to begin where the generator was not seeded.
    world.entropy_fails = true;
    world.ask(test::generation_b, "{}");
    REQUIRE(test::run_until(world.io, [&] { return world.answers.size() == 1; }));
    CHECK(world.configurations.empty());
    world.entropy_fails = false;
    world.ask(test::generation_b, "{}");
    REQUIRE(test::run_until(world.io, [&] { return world.answers.size() == 2; }));
    CHECK(world.configurations == std::vector<std::string>{"boot document: {}"});
    CHECK(open == std::vector<bool>{true});
    // The generation is not handled again, but the guest may wait for a better configuration.
    world.ask(test::generation_b, R"({"a":1})");
    REQUIRE(test::run_until(world.io, [&] { return world.answers.size() == 3; }));
    CHECK(world.repaired.size() == 2);
    CHECK(world.configurations.size() == 2);
}
