// The rows of the failure table that belong to the output: each scenario keeps its promise with its
// defence, and breaks it when the defence is switched off.
#include "proto/exec_stream.hpp"
#include "tests/process/forger.hpp"
#include "tests/process/output_scene.hpp"
#include "tests/support/collected.hpp"
#include "tests/support/wait.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <fmt/format.h>

#include <array>
#include <fstream>
#include <future>
#include <stdexcept>

using namespace rouse;
using namespace std::chrono_literals;
using proto::FrameType;
using test::Environment;
using test::OutputScene;
using test::payload;
using test::ReceivedSequence;
using test::ScriptedHost;

namespace {

/// Whether a promise that throws when it is not kept was kept.
template <typename Promise>
bool kept(Promise promise) {
    try {
        return promise();
    } catch (const std::runtime_error&) {
        return false;
    }
}

/// The workload's writes end although the host never reads.
bool held_for_the_deadline_at_most(const Environment& environment) {
    OutputScene scene(payload({"relentless", "2"}), R"({"write_timeout_ms": 300})", environment);
    ScriptedHost::welcome(scene.out(), test::endless_credit);
    ScriptedHost::welcome(scene.err());
    // It says how it went when it has written for its time.
    return kept([&] { return !scene.err().frames.expect(FrameType::data, 8s).payload.empty(); });
}

/// No frame is longer than the host has said.
bool frames_are_as_short_as_said(const Environment& environment) {
    constexpr std::uint64_t cap = 4096;
    OutputScene scene(payload({"sequence", "stdout", "2M"}), test::blocking_output, environment);
    ScriptedHost::welcome(scene.out(), proto::limits::retention_workload, {}, cap);
    ScriptedHost::welcome(scene.err(), proto::limits::retention_workload, {}, cap);
    // A frame above what the protocol allows is an error of the reader's own.
    return kept([&] {
        const ReceivedSequence received = scene.take_out();
        return received.received == 2U << 20U && received.largest_frame <= cap;
    });
}

/// A connection that is wedged for good is replaced, and everything arrives in smaller frames.
bool wedged_connection_heals(const Environment& environment) {
    OutputScene scene(payload({"sequence", "stdout", "2M"}), test::blocking_output, environment);
    ScriptedHost::welcome(scene.err());
    ScriptedHost::welcome(scene.out(), test::endless_credit);
    if (scene.host().output_listener().stays_quiet(9s)) return false; // nobody dials again
    return kept([&] {
        scene.out() = scene.host().accept_output();
        ScriptedHost::welcome(scene.out());
        const ReceivedSequence received = scene.take_out();
        return received.received == 2U << 20U &&
               received.largest_frame <= proto::limits::data_frame / 2;
    });
}

/// Others are served while one writer is blocked.
bool others_are_served_beside_a_blocked_writer(const Environment& environment) {
    OutputScene scene(payload({"sequence", "stdout", "64M"}),
                      R"({"write_timeout_ms": 6000, "output": {"stdout": {"policy": "block"}}})",
                      environment);
    ScriptedHost::welcome(scene.err());
    ScriptedHost::welcome(scene.out(), test::endless_credit);
    return kept([&] {
        for (int turn = 0; turn < 20; ++turn)
            (void)ask(scene.guest(), "GET", "/v1/ready?nonce=abc", {}, 3s);
        return true;
    });
}

/// What was written while a wake-up got lost arrives all the same.
bool lost_wake_up_is_repaired(const Environment& defence) {
    Environment environment = defence;
    environment.emplace_back("ROUSE_FAILPOINTS", "relay-read-wake=1");
    const test::TemporaryDirectory folder;
    const auto go = folder.path() / "go";
    // Its bytes are to come when nothing else happens that would wake the relay, too.
    OutputScene scene(
        {"/bin/sh", "-c",
         fmt::format("while ! [ -e {} ]; do sleep 0.1; done; echo late; exec sleep 1000",
                     go.string())},
        test::blocking_output, environment);
    ScriptedHost::welcome(scene.out());
    ScriptedHost::welcome(scene.err());
    test::wait_status(scene.guest(), [](const boost::json::value& status) {
        return test::text_at(status, "/output/0/state") == "streaming" &&
               test::text_at(status, "/output/1/state") == "streaming";
    });
    std::ofstream(go).flush();
    return kept([&] { return scene.out().frames.expect(FrameType::data, 8s).payload == "late\n"; });
}

/// EXIT comes at once, although somebody keeps the streams.
bool exit_does_not_wait_for_the_end(const Environment& environment) {
    OutputScene scene(payload({"keep-pipe", "10K"}), test::blocking_output, environment);
    ScriptedHost::welcome(scene.out());
    ScriptedHost::welcome(scene.err());
    return kept([&] {
        const lab::Deadline deadline(6s);
        std::string event;
        while (event.find("workload_exit") == std::string::npos)
            event = scene.host().kept_link().expect(FrameType::event, deadline.left()).payload;
        return true;
    });
}

/// What a hello without the link key brings does not get into the files.
bool only_the_agent_writes_its_files(const Environment& environment) {
    const std::string truth = "true\n";
    const test::AgentPlace place;
    const test::TemporaryDirectory folder;
    const test::Collector collector(place.endpoint().target(), folder.path(), {}, environment);
    const test::Agent agent(place, {"/bin/sh", "-c", "echo true; exec sleep 1000"},
                            test::blocking_output);
    const test::Collected& collected = collector.collected();
    const test::Event connected =
        collected.wait_event("output_connected", [](const test::Event& event) {
            return event.at("stream") == boost::json::value("stdout");
        });
    const auto generation = boost::json::value_to<std::string>(connected.at("generation"));
    const auto stdout_is = [&](const std::string& bytes) {
        return collected.bytes(generation, "stdout") == bytes;
    };
    test::wait_until([&] { return stdout_is(truth); }, [] { return "no output"; }, test::patience);
    const proto::OutputHello hello = test::forged_hello(agent.endpoint(), generation);
    const lab::Deadline deadline(test::patience);
    // An agent that is displaced comes back at once, perhaps before the forger was heard.
    while (!deadline.expired()) {
        test::FrameConnection forger = test::dial_host(place, 4002);
        (void)forger.send(FrameType::hello, proto::to_json(hello)); // reading shows the end
        (void)forger.send(
            {.type = FrameType::data, .stream = proto::stream_id::out, .offset = truth.size()},
            "forged\n");
        while (const auto answer = forger.receive(deadline.left())) {
            if (answer->header.type == FrameType::error) return stdout_is(truth);
            if (answer->header.type == FrameType::ack && answer->header.offset > truth.size())
                return stdout_is(truth);
        }
    }
    throw std::logic_error("a forged hello is neither refused nor believed");
}

/// What somebody has left open for us without close-on-exec does not reach the workload.
bool nothing_of_ours_is_left_open(const Environment& environment) {
    std::vector<std::string> argv{"/bin/sh", "-c", "exec 9</dev/null; exec \"$@\"", "sh"};
    std::vector<std::string> run{"run", "--"};
    for (std::string& word : payload({"facts"}))
        run.push_back(std::move(word));
    for (std::string& word : test::rouse(std::move(run)))
        argv.push_back(std::move(word));
    const test::Said said = test::run_command(std::move(argv), test::patience, environment);
    if (said.output.find("descriptors=0 1 2 9\n") != std::string::npos) return false;
    if (said.output.find("descriptors=0 1 2\n") != std::string::npos) return true;
    throw std::runtime_error(said.output + said.error);
}

struct Row {
    const char* defence;
    bool (*promise)(const Environment& environment);
};

constexpr std::array rows = {
    Row{"write-deadline", held_for_the_deadline_at_most},
    Row{"frame-cap", frames_are_as_short_as_said},
    Row{"stall-redial", wedged_connection_heals},
    Row{"independent-writers", others_are_served_beside_a_blocked_writer},
    Row{"relay-watchdog", lost_wake_up_is_repaired},
    Row{"exit-first", exit_does_not_wait_for_the_end},
    Row{"close-range", nothing_of_ours_is_left_open},
    Row{"link-key", only_the_agent_writes_its_files},
};

} // namespace

TEST_CASE("each defence of the output keeps a promise that is broken without it",
          "[output][process]") {
    const Row& row = rows.at(GENERATE(range(std::size_t{0}, rows.size())));
    CAPTURE(row.defence);
    // Most of it is waiting, so both scenes are played at once.
    std::future<bool> without = std::async(std::launch::async, row.promise,
                                           Environment{{"ROUSE_DEFENCE_OFF", row.defence}});
    CHECK(row.promise({}));
    CHECK_FALSE(without.get());
}
