// What settings change of the agent's dealings with its host, and with hosts that leave it waiting.
// tests/README.md says which tests show the others.
#include "tests/process/output_scene.hpp"
#include "tests/process/snapshot_scene.hpp"
#include "tests/process/workload_scene.hpp"
#include "tests/support/live_mmds.hpp"
#include "tools/lab/identity.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

using namespace rouse;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using std::chrono::steady_clock;
using test::Agent;
using test::AgentPlace;
using test::LiveMmds;
using test::OutputConnection;
using test::OutputScene;
using test::payload;
using test::ScriptedHost;
using test::shell;

namespace {

namespace json = boost::json;

/// What a process has read by read(2) and its like; what it splices is not counted.
/// Source: proc(5), /proc/[pid]/io.
std::uint64_t bytes_read_by(std::uint64_t pid) {
    std::ifstream io(fmt::format("/proc/{}/io", pid));
    std::string name;
    std::uint64_t bytes = 0;
    while (io >> name >> bytes)
        if (name == "rchar:") return bytes;
    throw std::runtime_error("the kernel does not say what a process has read");
}

/// A workload that ends when its test says so, with a line of output.
class EndingWorkload {
public:
    explicit EndingWorkload(const AgentPlace& place) : go_(place.folder() / "go") {}

    [[nodiscard]] std::vector<std::string> argv() const {
        return shell(
            fmt::format("until [ -e {} ]; do sleep 0.05; done; echo late; exit 3", go_.string()));
    }
    void end() const { std::ofstream(go_).flush(); }

private:
    std::filesystem::path go_;
};

/// Both streams of an agent whose link was confirmed just now, welcomed.
std::vector<OutputConnection> welcomed_outputs(ScriptedHost& host) {
    std::vector<OutputConnection> outputs;
    for (int stream = 0; stream < 2; ++stream) {
        outputs.push_back(host.accept_output());
        ScriptedHost::welcome(outputs.back());
    }
    return outputs;
}

/// What the host puts: a document of this generation, where only the configuration says it is.
json::value elsewhere_data(const std::string& generation) {
    return {{"elsewhere", {{"document", {{"generation", generation}}}}}};
}

/// Of an agent that asks version 1 of this service for it.
std::string elsewhere_config(const LiveMmds& service) {
    const json::object mmds =
        service.config({{"enabled", true}, {"path", "/elsewhere/document"}, {"version", "v1"}});
    return json::serialize(json::object{{"restore", {{"mmds", mmds}}}});
}

} // namespace

TEST_CASE("a host that does not answer is waited for as long as configured, and output needs no "
          "proof where none is required",
          "[restore][output][process]") {
    const AgentPlace place;
    ScriptedHost host(place.socket());
    const Agent agent(place, payload({"trickle"}), R"({"confirm_deadline_ms": 300,
        "require_probe": false, "shutdown": {"flush_ms": 100}})");
    // The link is there, and nobody has said a word on it.
    CHECK(host.accept_output().hello.boot_id ==
          test::text_at(test::status(agent.endpoint()), "/boot_id"));
    const auto answer = test::ask(agent.endpoint(), "POST", "/v1/restore",
                                  fmt::format(R"({{"generation": "{}"}})", lab::random_uuid()));
    INFO(answer.body);
    REQUIRE(answer.status == 200);
    const auto report = proto::parse_restore_report(proto::parse_json(answer.body).value()).value();
    CHECK(report.state == "degraded");
    CHECK(test::step_of(report.steps, "confirm").outcome == "unproven");
    CHECK(test::step_of(report.steps, "output").outcome == "ok");
    CHECK(std::chrono::microseconds(report.total_us) >= 300ms);
    CHECK(std::chrono::microseconds(report.total_us) < proto::limits::confirm);
}

TEST_CASE("nothing is lost and nothing is a stall before the configured time is over",
          "[output][process]") {
    const std::vector<std::string> workload = payload({"sequence", "stdout", "64M"});
    {
        OutputScene scene(workload, R"({"write_timeout_ms": 600000})");
        ScriptedHost::welcome(scene.err());
        ScriptedHost::welcome(scene.out(), test::endless_credit);
        test::wait_held(scene.guest(), 0);
        CHECK(scene.host().output_listener().stays_quiet(2 * proto::limits::write_timeout));
        const boost::json::value status = test::status(scene.guest());
        CHECK(test::number_at(status, "/output/0/dropped_bytes") == 0);
        CHECK(test::number_at(status, "/output/0/stalls") == 0);
    }
    OutputScene scene(workload, R"({"write_timeout_ms": 50})");
    ScriptedHost::welcome(scene.err());
    ScriptedHost::welcome(scene.out(), test::endless_credit);
    test::wait_status(scene.guest(), [](const boost::json::value& status) {
        return test::number_at(status, "/output/0/dropped_bytes") > 0 &&
               test::number_at(status, "/output/0/stalls") > 0;
    });
}

TEST_CASE("large frames are read and sent, or spliced, as the configuration says",
          "[output][process]") {
    constexpr std::uint64_t size = 16U << 20U;
    for (const std::string send : {"copy", "splice"}) {
        INFO(send);
        OutputScene scene(
            shell(fmt::format("{} sequence stdout {}; exec sleep 1000", payload({}).front(), size)),
            fmt::format(R"({{"output": {{"send": "{}",
                                           "stdout": {{"policy": "block"}}}}}})",
                        send));
        const std::uint64_t pid = test::number_at(test::status(scene.guest()), "/pid");
        const std::uint64_t before = bytes_read_by(pid);
        ScriptedHost::welcome(scene.err());
        ScriptedHost::welcome(scene.out());
        test::ReceivedSequence sequence;
        while (sequence.length < size)
            REQUIRE(test::take_frame(scene.out(), sequence));
        const std::uint64_t read = bytes_read_by(pid) - before;
        // Frames of less than a page are copied in any case.
        CHECK((send == "copy" ? read >= size : read < size / 2));
    }
}

TEST_CASE("the end waits for output no longer than its stage may take", "[shutdown][process]") {
    const AgentPlace place;
    ScriptedHost host(place.socket());
    const EndingWorkload workload(place);
    Agent agent(place, workload.argv(), R"({"shutdown": {"flush_ms": 300}})");
    host.serve_link(agent.endpoint());
    const std::vector<OutputConnection> unread = welcomed_outputs(host);
    workload.end();
    const test::Said said = agent.finish();
    CHECK(said.status == 3);
    CHECK_THAT(said.error, ContainsSubstring("shutdown: the stage 'flush' is not done after "
                                             "300 ms, still there: output of the workload"));
}

TEST_CASE("the host may take the configured time to acknowledge how the workload ended",
          "[shutdown][process]") {
    const AgentPlace place;
    ScriptedHost host(place.socket());
    const EndingWorkload workload(place);
    Agent agent(place, workload.argv(), R"({"exit_report": {"deadline_ms": 4000}})");
    host.serve_link(agent.endpoint()); // and acknowledge nothing
    std::vector<OutputConnection> outputs = welcomed_outputs(host);
    workload.end();
    for (OutputConnection& output : outputs)
        CHECK(test::read_to_end(output) == (output.hello.stream == "stdout" ? "late\n" : ""));
    const auto delivered = steady_clock::now();
    const test::Said said = agent.finish();
    // A host that is there usually has 2 s.
    CHECK(steady_clock::now() - delivered > 3s);
    CHECK(said.status == 3);
    CHECK_THAT(said.error, ContainsSubstring("the host has not acknowledged the exit report"));
}

TEST_CASE("the metadata service is asked by its version for its path, as often as configured",
          "[restore][mmds][process]") {
    constexpr std::ptrdiff_t pauses = 10;
    LiveMmds service(elsewhere_data(lab::random_uuid()), {.tokens = false});
    const AgentPlace place;
    const Agent agent(place, payload({"tell-signals"}), elsewhere_config(service));
    test::wait_until([&] { return std::ssize(service.requests()) > pauses; },
                     [] { return "it is not asked"; }, test::patience);
    const auto asked = service.requests();
    // Version 2 would ask for a token first.
    for (const auto& question : asked)
        CHECK(question.what == "GET /elsewhere/document");
    const auto took = asked.at(pauses).when - asked.front().when;
    CHECK(took >= pauses * 100ms);
    CHECK(took < pauses * proto::limits::mmds_poll);
    const std::string generation = lab::random_uuid();
    service.put(elsewhere_data(generation));
    // The restore ends connections to the exec port, also one that asks what has become of it.
    const std::vector<std::string> inside =
        test::rouse({"debug", "status", "--json", "--socket", place.socket().string()});
    test::wait_until(
        [&] {
            return test::run_command(inside, test::patience).output.find(generation) !=
                   std::string::npos;
        },
        [] { return std::string("the generation is not that of the service"); }, test::patience);
}
