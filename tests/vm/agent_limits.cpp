// What a command may use of a guest, as whom it runs, and what is left of it: with the kernel's own
// controllers, which the machine that runs the tests need not have.
#include "tests/support/frames.hpp"
#include "tests/vm/guest.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <csignal>
#include <stdexcept>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Guest;
using test::payload;

namespace {

constexpr const char* groups_directory = "/sys/fs/cgroup/rouse/exec";

/// A guest with a workload that has limits and attributes of its own; one for all cases.
Guest& limits_guest() {
    boost::json::object workload{{"argv", {"sleep", "100000"}},
                                 {"umask", "027"},
                                 {"no_new_privs", true},
                                 {"oom_score_adj", 500},
                                 {"cgroup", {{"pids_max", 7}, {"memory_max", 64 << 20}}}};
    return Guest::shared("6.12", test::workload_config(std::move(workload), "stay"));
}

proto::ExecRequest request_of(std::vector<std::string> argv) {
    proto::ExecRequest request;
    request.command.argv = std::move(argv);
    return request;
}

proto::ExecResult run(const Guest& guest, const proto::ExecRequest& request) {
    const std::string body = boost::json::serialize(proto::to_json(request));
    const test::HttpAnswer answer = test::ask(guest.endpoint(), "POST", "/v1/exec", body);
    auto result = proto::parse_exec_result(answer.body);
    INFO(answer.body);
    REQUIRE(answer.status == 200);
    if (!result) throw std::runtime_error(result.error().message());
    return *result;
}

std::string printed(const Guest& guest, std::vector<std::string> argv) {
    return run(guest, request_of(std::move(argv))).out.bytes;
}

/// The groups of sessions that are there, but for that of the command which looks.
std::string groups(const Guest& guest) {
    return printed(guest, {"sh", "-c",
                           fmt::format("own=$(sed -n 's,^0::.*/,,p' /proc/self/cgroup); ls -F {} | "
                                       "grep / | grep -v \"^$own/\"",
                                       groups_directory)});
}

/// Waits until only the workload has a group.
void wait_for_groups_to_go(const Guest& guest) {
    std::string last;
    test::wait_until([&] { return (last = groups(guest)) == "main-1/\n"; }, [&] { return last; },
                     test::patience);
}

} // namespace

TEST_CASE("a command beyond its limit of memory is reported as killed for it", "[agent][vm]") {
    const Guest& guest = limits_guest();
    wait_for_groups_to_go(guest);
    auto request = request_of(payload({"take-memory", "64M"}));
    request.command.attributes.cgroup.memory_max = 16 << 20;
    const auto killed = run(guest, request);
    REQUIRE(killed.exit.has_value());
    CHECK(killed.exit->signal == static_cast<std::uint64_t>(SIGKILL));
    CHECK(killed.exit->oom);
    CHECK(killed.out.bytes.empty());
    CHECK(killed.exit->max_rss_kib > 8192);

    // Below its limit, and without one, it lives; a kill by somebody else is no lack of memory.
    request.command.argv = payload({"take-memory", "8M"});
    const auto lived = run(guest, request);
    CHECK(lived.exit->code == 0U);
    CHECK_FALSE(lived.exit->oom);
    const auto free = run(guest, request_of(payload({"take-memory", "64M"})));
    CHECK(free.out.bytes == "taken\n");
    request.command.argv = payload({"kill-self", "9"});
    const auto by_itself = run(guest, request);
    CHECK(by_itself.exit->signal == static_cast<std::uint64_t>(SIGKILL));
    CHECK_FALSE(by_itself.exit->oom);
    wait_for_groups_to_go(guest);
}

TEST_CASE("exec answers while a fork bomb goes off, and its end is whole", "[agent][vm]") {
    const Guest& guest = limits_guest();
    wait_for_groups_to_go(guest);
    auto request = request_of(payload({"fork-bomb"}));
    request.command.attributes.cgroup.pids_max = 64;
    request.session.reattach_grace = std::chrono::milliseconds(0);
    {
        auto bomb = test::FrameConnection::exec(guest.endpoint(), request);
        (void)bomb.expect(proto::FrameType::started);
        std::string count;
        test::wait_until(
            [&] {
                count = printed(guest, {"sh", "-c",
                                        fmt::format("cat {}/*/pids.current | sort -n | tail -n 1",
                                                    groups_directory)});
                return count == "64\n";
            },
            [&] { return count; }, test::patience);
        for (int i = 0; i < 5; ++i)
            CHECK(printed(guest, {"echo", "still here"}) == "still here\n");
    }
    // The client is gone, and all 64 with it.
    wait_for_groups_to_go(guest);
    CHECK(printed(guest, {"sh", "-c", "pidof rouse-payload"}).empty());
}

TEST_CASE("attributes are as the guest's kernel sees them", "[agent][vm]") {
    const Guest& guest = limits_guest();
    auto request = request_of({"sh", "-c",
                               "cat /proc/self/status /proc/self/oom_score_adj; ulimit -n; "
                               "ulimit -Hn; ulimit -c; umask"});
    request.command.user = "1000:100";
    proto::ProcessAttributes& attributes = request.command.attributes;
    attributes.groups = {"29", "4343"};
    attributes.capabilities = {.drop = {"ALL"}, .add = {"NET_BIND_SERVICE"}};
    attributes.no_new_privs = true;
    attributes.umask = 077;
    attributes.oom_score_adj = 321;
    attributes.rlimits = {{"nofile", {.soft = 100, .hard = 200}}, {"core", {.soft = 0, .hard = 0}}};
    const std::string text = run(guest, request).out.bytes;
    for (const char* line :
         {"Uid:\t1000\t1000\t1000\t1000", "Gid:\t100\t100\t100\t100", "Groups:\t29 4343",
          "CapInh:\t0000000000000400", "CapPrm:\t0000000000000400", "CapEff:\t0000000000000400",
          "CapBnd:\t0000000000000400", "CapAmb:\t0000000000000400", "NoNewPrivs:\t1",
          "Umask:\t0077", "SigIgn:\t0000000000000000", "SigBlk:\t0000000000000000"})
        CHECK_THAT(text, ContainsSubstring(line));
    CHECK_THAT(text, ContainsSubstring("\n321\n100\n200\n0\n0077\n"));

    // And what is not asked for is as usual.
    const std::string usual = printed(
        guest, {"sh", "-c", "cat /proc/self/status /proc/self/oom_score_adj; ulimit -n; umask"});
    CHECK_THAT(usual, ContainsSubstring("NoNewPrivs:\t0"));
    CHECK_THAT(usual, ContainsSubstring("\n0\n1024\n0022\n"));
}

TEST_CASE("the workload has its own group, limits and attributes", "[agent][vm]") {
    const Guest& guest = limits_guest();
    const std::string group = std::string(groups_directory) + "/main-1";
    CHECK(printed(guest, {"cat", group + "/pids.max", group + "/memory.max"}) == "7\n67108864\n");
    const auto pid = test::number_at(test::status(guest.endpoint()), "/workload/pid");
    CHECK(printed(guest, {"cat", group + "/cgroup.procs"}) == fmt::format("{}\n", pid));
    const std::string text = printed(guest, {"cat", fmt::format("/proc/{}/status", pid),
                                             fmt::format("/proc/{}/oom_score_adj", pid)});
    CHECK_THAT(text, ContainsSubstring("Umask:\t0027"));
    CHECK_THAT(text, ContainsSubstring("NoNewPrivs:\t1"));
    CHECK_THAT(text, ContainsSubstring("\n500\n"));
}

TEST_CASE("every limit of a group reaches the kernel", "[agent][vm]") {
    const Guest& guest = limits_guest();
    auto request = request_of(
        {"sh", "-c",
         fmt::format("cd {}/$(sed -n 's,^0::.*/,,p' /proc/self/cgroup) && head -n 9 memory.max "
                     "memory.high pids.max cpu.max cpu.weight",
                     groups_directory)});
    proto::CgroupLimits& limits = request.command.attributes.cgroup;
    limits.memory_max = 32 << 20;
    limits.memory_high = 24 << 20;
    limits.pids_max = 9;
    limits.cpu_max_us = 50'000;
    limits.cpu_weight = 50;
    const auto result = run(guest, request);
    INFO(result.err.bytes);
    for (const char* part :
         {"==> memory.max <==\n33554432\n", "==> memory.high <==\n25165824\n",
          "==> pids.max <==\n9\n", "==> cpu.max <==\n50000 100000\n", "==> cpu.weight <==\n50\n"})
        CHECK_THAT(result.out.bytes, ContainsSubstring(part));
}

TEST_CASE("a hundred sessions leave the guest with the groups that it had", "[agent][vm]") {
    const Guest& guest = limits_guest();
    wait_for_groups_to_go(guest);
    const std::vector<std::vector<std::string>> commands(100, payload({"exit", "3"}));
    for (const auto& result : exec_all(guest.endpoint(), commands, 20))
        CHECK(result.exit->code == 3U);
    wait_for_groups_to_go(guest);
}
