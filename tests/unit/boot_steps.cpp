// The steps of booting: their order, their threads, their times.

#include "agent/boot/steps.hpp"
#include "agent/boot/timeline.hpp"
#include "agent/sys/clock.hpp"
#include "proto/tables/tables.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <atomic>
#include <latch>
#include <stdexcept>

using namespace rouse;
using namespace std::chrono_literals;
using boot::BootStep;
using boot::Report;
using boot::TimedStep;
using Catch::Matchers::ContainsSubstring;
using Outcome = boot::TimedStep::Outcome;

namespace {

Report fine() {
    Report report;
    report.add("fine", {});
    return report;
}

Report broken() {
    Report report;
    report.add({.name = "part", .ok = false, .fatal = true, .message = "gone"});
    return report;
}

std::vector<std::string> names(const std::vector<TimedStep>& steps) {
    std::vector<std::string> all;
    for (const TimedStep& step : steps)
        all.push_back(step.name);
    return all;
}

} // namespace

TEST_CASE("a step of the boot begins when those it comes after have ended", "[boot]") {
    const auto steps = boot::run_steps({{.name = "last", .work = &fine, .after = {"a", "b"}},
                                        {.name = "b", .work = &fine, .after = {"a"}},
                                        {.name = "a", .work = &fine}});
    REQUIRE(names(steps) == std::vector<std::string>{"a", "b", "last"});
    for (std::size_t i = 0; i + 1 < steps.size(); ++i)
        CHECK(steps[i].start + steps[i].duration <= steps[i + 1].start);
    CHECK(steps[2].start <= sys::since_boot());
    CHECK(boot::run_steps({}).empty());
}

TEST_CASE("steps that do not need each other run side by side, four at a time", "[boot]") {
    std::latch all_there(boot::most_steps_at_once);
    std::atomic<unsigned> running = 0;
    std::atomic<unsigned> most = 0;
    const auto work = [&] {
        const unsigned now = ++running;
        for (unsigned seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
        }
        if (now <= boot::most_steps_at_once) all_there.arrive_and_wait();
        --running;
        return fine();
    };
    // The first four wait for each other; had they come one by one, none would ever end.
    std::vector<BootStep> steps;
    for (int i = 0; i < 4; ++i)
        steps.push_back({.name = std::to_string(i), .work = work});
    for (int i = 4; i < 8; ++i)
        steps.push_back(
            {.name = std::to_string(i), .work = [&] { return ++running, --running, fine(); }});
    const std::vector<TimedStep> ended = boot::run_steps(std::move(steps));
    CHECK(ended.size() == 8);
    CHECK(most == boot::most_steps_at_once);
}

TEST_CASE("after a step that nothing can work without no other one begins", "[boot]") {
    const auto steps = boot::run_steps({{.name = "mounts", .work = &broken},
                                        {.name = "network", .work = &fine, .after = {"mounts"}}});
    REQUIRE(steps.size() == 2);
    CHECK(steps[0].outcome == Outcome::failed);
    CHECK(steps[0].detail() == "part: gone");
    CHECK(steps[0].report.fatal() != nullptr);
    CHECK(steps[1].outcome == Outcome::not_begun);
}

TEST_CASE("a step that fails otherwise holds up nobody", "[boot]") {
    const auto fails = [] {
        Report report;
        report.add("fine", {});
        report.add("net.core.x", sys::error_from(ENOENT));
        return report;
    };
    const auto steps = boot::run_steps({{.name = "sysctls", .work = fails},
                                        {.name = "hosts", .work = [] { return Report(); }},
                                        {.name = "network", .work = &fine, .after = {"sysctls"}}});
    const auto of = [&](const std::string& name) {
        return *std::find_if(steps.begin(), steps.end(),
                             [&](const TimedStep& step) { return step.name == name; });
    };
    CHECK(of("sysctls").outcome == Outcome::failed);
    CHECK(of("sysctls").detail() == "net.core.x: No such file or directory");
    CHECK(of("hosts").outcome == Outcome::skipped);
    CHECK(of("network").outcome == Outcome::ok);
}

TEST_CASE("what a step of the boot throws is fatal and says why", "[boot]") {
    const auto throws = []() -> Report { throw std::runtime_error("no memory"); };
    const auto steps = boot::run_steps({{.name = "hosts", .work = throws}});
    REQUIRE(steps.at(0).report.fatal() != nullptr);
    CHECK(steps[0].detail() == "no memory");
}

TEST_CASE("who boots is told of each end, and of what keeps it waiting", "[boot]") {
    std::latch told(1);
    std::vector<std::string> waiting;
    std::vector<std::string> ended;
    const boot::StepWatch watch{.ended = [&](const TimedStep& step) { ended.push_back(step.name); },
                                .slow =
                                    [&](const std::vector<std::string>& names) {
                                        if (!waiting.empty()) return;
                                        waiting = names;
                                        told.count_down();
                                    },
                                .patience = 1ms};
    const auto waits = [&] { return told.wait(), fine(); };
    (void)boot::run_steps(
        {{.name = "root", .work = waits}, {.name = "next", .work = &fine, .after = {"root"}}},
        watch);
    CHECK(waiting == std::vector<std::string>{"root"});
    CHECK(ended == std::vector<std::string>{"root", "next"});
}

TEST_CASE("steps that can never begin are a mistake that is told at once", "[boot]") {
    CHECK_THROWS_WITH(boot::run_steps({{.name = "a", .work = &fine, .after = {"b"}}}),
                      ContainsSubstring("'a' comes after one that is not there"));
    CHECK_THROWS_WITH(boot::run_steps({{.name = "a", .work = &fine}, {.name = "a", .work = &fine}}),
                      ContainsSubstring("'a' is there twice"));
    CHECK_THROWS_WITH(boot::run_steps({{.name = "a", .work = &fine, .after = {"b"}},
                                       {.name = "b", .work = &fine, .after = {"a"}}}),
                      ContainsSubstring("wait for each other"));
}

TEST_CASE("the boot is shown from power-on to READY", "[boot][tables]") {
    boot::Timeline timeline;
    timeline.init = 1s;
    TimedStep mounts{.name = "mounts", .start = 1001ms, .duration = 2ms, .outcome = Outcome::ok};
    TimedStep network{.name = "network", .start = 1003ms, .duration = 40ms};
    network.outcome = Outcome::failed;
    network.report.add("eth1", sys::error_from(ENODEV));
    timeline.steps = {mounts, network, {.name = "swap"}};
    timeline.agent = 1050ms;
    boost::json::value document = to_json(timeline);
    CHECK(document.at("ready_us").is_null());
    CHECK(document.at("steps").at(2) ==
          boost::json::value{{"name", "swap"}, {"outcome", "not begun"}});
    timeline.ready = 1100ms;
    document = to_json(timeline);
    CHECK(document.at("ready_us") == 1'100'000);
    CHECK(proto::tables::boot_table(document) ==
          "STEP           AT     TOOK  OUTCOME    DETAIL\n"
          "kernel       0 us   1.00 s\n"
          "  mounts   1.00 s   2.0 ms  ok\n"
          "  network  1.00 s  40.0 ms  failed     eth1: No such device\n"
          "  swap          -        -  not begun\n"
          "agent      1.05 s  50.0 ms\n"
          "READY      1.10 s\n");
}
