// The deadlines of a shutdown, and what is said of a stage that takes longer.
#include "agent/boot/shutdown_stages.hpp"
#include "agent/sys/process_list.hpp"
#include "proto/config.hpp"
#include "proto/shutdown.hpp"
#include "tests/support/wait.hpp"
#include "tools/lab/process.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <unistd.h>

using namespace rouse;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using proto::ShutdownStage;

namespace {

proto::ShutdownDeadlines deadlines(const std::string& text) {
    const proto::ReadConfig read = proto::read_config(text);
    REQUIRE(read.problems.errors.empty());
    return proto::shutdown_deadlines(read.config.shutdown, read.config.stop_grace,
                                     read.config.supervision.report_deadline);
}

} // namespace

TEST_CASE("without a word of the configuration the stages have what the graces ask for",
          "[shutdown]") {
    const proto::ShutdownDeadlines usual = deadlines("{}");
    CHECK(usual.workload == 12s);
    CHECK(usual.processes == 12s);
    CHECK(usual.flush == 8s);
    CHECK(usual.unmount == 10s);
    CHECK(usual.total == 30s);
    const proto::ShutdownDeadlines patient =
        deadlines(R"({"stop_grace_ms": 60000, "exit_report": {"deadline_ms": 100000}})");
    CHECK(patient.workload == 62s);
    CHECK(patient.processes == 62s);
    CHECK(patient.flush == 106s);
    CHECK(patient.total == 178s);
}

TEST_CASE("each stage of the shutdown has the deadline of the configuration", "[shutdown]") {
    const proto::ShutdownDeadlines said = deadlines(
        R"({"shutdown": {"workload_ms": 1, "processes_ms": 2, "flush_ms": 3, "unmount_ms": 4,
                         "total_ms": 5}})");
    CHECK(said.of(ShutdownStage::workload) == 1ms);
    CHECK(said.of(ShutdownStage::processes) == 2ms);
    CHECK(said.of(ShutdownStage::flush) == 3ms);
    CHECK(said.of(ShutdownStage::unmount) == 4ms);
    CHECK(said.total == 5ms);
}

TEST_CASE("a deadline of the shutdown that leaves no time is an error with its path",
          "[shutdown]") {
    for (const std::string member :
         {"workload_ms", "processes_ms", "flush_ms", "unmount_ms", "total_ms"}) {
        const proto::ReadConfig read =
            proto::read_config(fmt::format(R"({{"shutdown": {{"{}": 0}}}})", member));
        REQUIRE(read.problems.errors.size() == 1);
        CHECK(read.problems.errors.front().message() ==
              fmt::format("$.shutdown.{}: must be at least 1", member));
    }
}

TEST_CASE("documents of a shutdown come back as they were sent", "[shutdown]") {
    for (const auto action : {proto::ShutdownAction::poweroff, proto::ShutdownAction::reboot}) {
        const proto::ShutdownRequest request{.action = action, .now = true};
        CHECK(proto::parse_shutdown_request(boost::json::serialize(to_json(request))).value() ==
              request);
    }
    CHECK(proto::parse_shutdown_request("").value() == proto::ShutdownRequest{});
    const proto::ShutdownAccepted accepted{.action = "reboot", .now = true, .under_way = true};
    CHECK(proto::parse_shutdown_accepted(boost::json::serialize(to_json(accepted))).value() ==
          accepted);
    CHECK_FALSE(proto::parse_shutdown_accepted(R"({"now": true})").has_value());
}

TEST_CASE("no stage goes beyond the deadline of the whole shutdown", "[shutdown]") {
    const boot::ShutdownStages::Clock::time_point began{};
    const boot::ShutdownStages stages(
        deadlines(R"({"shutdown": {"workload_ms": 6000, "flush_ms": 6000, "total_ms": 10000}})"),
        began);
    CHECK(stages.budget(ShutdownStage::workload, began) == 6s);
    CHECK(stages.budget(ShutdownStage::flush, began + 4s) == 6s);
    CHECK(stages.budget(ShutdownStage::flush, began + 7s) == 3s);
    CHECK(stages.budget(ShutdownStage::unmount, began + 11s) == 0s);
}

TEST_CASE("a stage that is not done is told with its name, its deadline and what is left",
          "[shutdown]") {
    CHECK(boot::describe_overrun(ShutdownStage::workload, 300ms, "12 (sleep)") ==
          "shutdown: the stage 'workload' is not done after 300 ms, still there: 12 (sleep)");
    CHECK(boot::describe_overrun(ShutdownStage::flush, 1ms, "") ==
          "shutdown: the stage 'flush' is not done after 1 ms");
}

TEST_CASE("who is still there is told by number and name, without us and the kernel's threads",
          "[shutdown]") {
    const lab::Process other = lab::Process::start({.argv = {"sleep", "1000"}});
    const std::string name = fmt::format("{} (sleep)", other.pid());
    test::wait_until([&] { return sys::describe_process(other.pid()) == name; },
                     [&] { return sys::describe_process(other.pid()); }, 10s);
    const std::string all = sys::describe_processes(100'000);
    CHECK_THAT(all, ContainsSubstring(name));
    CHECK_THAT(all, !ContainsSubstring(fmt::format("{} (rouse-unit)", ::getpid())));
    CHECK_THAT(all, !ContainsSubstring("(kthreadd)"));
    CHECK_THAT(sys::describe_processes(0), ContainsSubstring(" more"));
}
