// The workload's life in a guest: restarts, its share of the machine, and what the VMM is told.
#include "tests/support/wait.hpp"
#include "tests/vm/guest.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_all.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Guest;

namespace {

std::string printed(const Guest& guest, std::vector<std::string> argv) {
    return test::exec(guest.endpoint(), std::move(argv)).out.bytes;
}

/// A configuration whose workload is a script.
std::string script_config(const std::string& script, boost::json::object more) {
    more["workload"] = {{"argv", {"sh", "-c", script}}};
    return boost::json::serialize(more);
}

} // namespace

TEST_CASE("a workload that dies is started again in its guest, and its output goes on",
          "[agent][vm]") {
    const std::string kernel = GENERATE("6.1", "6.12");
    INFO("kernel " << kernel);
    Guest guest(kernel, script_config("echo >> /run/runs; n=$(wc -l < /run/runs); echo \"run $n\"; "
                                      "[ $n -lt 3 ] && kill -9 $$; exit 0",
                                      {{"restart", {{"policy", "on-failure"}, {"delay_ms", 10}}}}));
    const auto event = guest.collected().wait_event("workload_exit");
    INFO(boost::json::serialize(event));
    CHECK(test::number_at(event, "/run") == 3);
    CHECK(test::number_at(event, "/exit/code") == 0);
    guest.machine().wait_exit(test::patience);
    CHECK(guest.collected().bytes(guest.generation(), "stdout") == "run 1\nrun 2\nrun 3\n");
}

TEST_CASE("the agent has a group of its own, and its payload is bounded beside it", "[agent][vm]") {
    const std::string kernel = GENERATE("6.1", "6.12");
    INFO("kernel " << kernel);
    const Guest guest(
        kernel,
        script_config("sleep 100000", {{"agent", {{"memory_min", 8 << 20}, {"cpu_weight", 700}}},
                                       {"payload", {{"memory_max", 100 << 20}}}}));
    const auto file = [&](const std::string& name) {
        return printed(guest, {"cat", "/sys/fs/cgroup/rouse/" + name});
    };
    CHECK(printed(guest, {"cat", "/proc/1/cgroup"}) == "0::/rouse/agent\n");
    CHECK(file("memory.min") == "8388608\n");
    CHECK(file("agent/memory.min") == "8388608\n");
    CHECK(file("agent/cpu.weight") == "700\n");
    CHECK(file("exec/memory.max") == "104857600\n");
    const std::string bound =
        printed(guest, {"sh", "-c",
                        "p=$(cat /sys/fs/cgroup/rouse/exec/pids.max); "
                        "[ $p -lt $(cat /proc/sys/kernel/pid_max) ] && "
                        "[ $p -lt $(cat /proc/sys/kernel/threads-max) ] && echo below"});
    CHECK(bound == "below\n");
    CHECK_THAT(guest.rousectl({"events", "--json"}).output,
               !ContainsSubstring("cgroup_setting_failed"));
}

TEST_CASE("a process of the workload that was killed for memory is told of", "[agent][vm]") {
    boost::json::object config{
        {"workload",
         {{"argv", {"sh", "-c", "/bin/rouse-payload take-memory 64M; exec sleep 100000"}},
          {"cgroup", {{"memory_max", 16 << 20}, {"memory_swap_max", 0}}}}}};
    const Guest guest("6.12", boost::json::serialize(config));
    const auto event = guest.collected().wait_event("workload_oom");
    CHECK(test::number_at(event, "/kills") == 1);
    CHECK(test::text_at(test::status(guest.endpoint()), "/workload/state") == "running");

    // Each run has a group that is watched like that, and nothing is left of one that has ended.
    for (int restart = 0; restart < 5; ++restart)
        REQUIRE(guest.rousectl({"workload", "restart"}).status == 0);
    const std::vector<std::string> watched{"sh", "-c", "ls -l /proc/1/fd | grep -c memory.events"};
    test::wait_until([&] { return printed(guest, watched) == "1\n"; },
                     [&] {
                         return printed(guest, {"ls", "-l", "/proc/1/fd"});
                     },
                     test::patience);
}
