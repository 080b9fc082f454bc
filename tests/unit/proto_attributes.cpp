// What a command may ask for beyond user and directory.
#include "proto/config.hpp"
#include "proto/exec.hpp"
#include "proto/kernel_names.hpp"

#include <boost/json/serialize.hpp>
#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <linux/capability.h>
#include <sys/resource.h>

using namespace rouse::proto;

namespace {

/// What a request with these members is refused with; empty: it is not.
std::string refusal(const std::string& members) {
    const auto parsed = parse_exec_request(R"({"argv": ["a"], )" + members + "}");
    return parsed ? "" : parsed.error().message();
}

ProcessAttributes attributes_of(const std::string& members) {
    return parse_exec_request(R"({"argv": ["a"], )" + members + "}").value().command.attributes;
}

} // namespace

TEST_CASE("attributes of a process come back as they were sent", "[proto]") {
    ExecRequest request;
    request.command.argv = {"a"};
    // What is default is not sent: an agent that does not know it need not refuse it.
    REQUIRE(boost::json::serialize(to_json(request)) == R"({"argv":["a"]})");
    ProcessAttributes& attributes = request.command.attributes;
    attributes.groups = {"audio", "4242"};
    attributes.rlimits = {{"nofile", {.soft = 10, .hard = 20}},
                          {"core", {.soft = 0, .hard = 0}},
                          {"stack", {.soft = 8192, .hard = ResourceLimit::unlimited}},
                          {"as", {}}};
    attributes.cgroup = {.memory_max = 16 << 20,
                         .memory_high = 8 << 20,
                         .memory_swap_max = 0,
                         .pids_max = 9,
                         .cpu_max_us = 50'000,
                         .cpu_period_us = 100'000,
                         .cpu_weight = 1,
                         .io_weight = 10'000};
    attributes.capabilities = {.drop = {"ALL"}, .add = {"NET_RAW"}};
    attributes.no_new_privs = true;
    attributes.umask = 077;
    attributes.oom_score_adj = -1000;
    REQUIRE(parse_exec_request(boost::json::serialize(to_json(request))).value() == request);
}

TEST_CASE("attributes may be written in several ways", "[proto]") {
    const auto read = attributes_of(R"("groups": [5, "users"], "umask": "22",
        "rlimits": {"nofile": 7, "core": "unlimited", "cpu": {"soft": 1, "hard": "unlimited"}},
        "capabilities": {"drop": ["all"], "add": ["cap_chown", "Net_Raw", "CAP_BPF"]})");
    REQUIRE(read.groups == std::vector<std::string>{"5", "users"});
    REQUIRE(read.umask == 022U);
    REQUIRE(read.rlimits.at("nofile") == ResourceLimit{.soft = 7, .hard = 7});
    REQUIRE(read.rlimits.at("core") == ResourceLimit{});
    REQUIRE(read.rlimits.at("cpu") == ResourceLimit{.soft = 1, .hard = ResourceLimit::unlimited});
    REQUIRE(read.capabilities.drop == std::vector<std::string>{"ALL"});
    REQUIRE(read.capabilities.add == std::vector<std::string>{"CHOWN", "NET_RAW", "BPF"});
}

TEST_CASE("attributes that are wrong are refused with their JSON path", "[proto]") {
    const std::vector<std::pair<std::string, std::string>> table{
        {R"("groups": "x")", "$.groups: must be an array of names and numbers"},
        {R"("groups": ["a", ""])", "$.groups[1]: must be the name of a group or its number"},
        {R"("groups": [4294967295])", "$.groups[0]: must be the name of a group or its number"},
        {R"("groups": [-1])", "$.groups[0]: must be the name of a group or its number"},
        {R"("rlimits": [])", "$.rlimits: must be an object"},
        {R"("rlimits": {"files": 1})", "$.rlimits.files: is not a resource that has a limit"},
        {R"("rlimits": {"nofile": -1})",
         "$.rlimits.nofile: must be a whole number, \"unlimited\", or an object of soft and hard"},
        {R"("rlimits": {"nofile": {"soft": 2, "hard": 1}})",
         "$.rlimits.nofile.soft: must not be above hard"},
        {R"("rlimits": {"nofile": {"soft": 2}})", "$.rlimits.nofile.hard: is missing"},
        {R"("rlimits": {"nofile": {"soft": "all", "hard": 1}})",
         "$.rlimits.nofile.soft: must be a whole number or \"unlimited\""},
        {R"("rlimits": {"nofile": {"soft": 1, "hard": 1, "max": 1}})",
         "$.rlimits.nofile.max: is not a known key"},
        {R"("cgroup": {"memory_max": 4095})",
         "$.cgroup.memory_max: must be a whole number from 4096 to 9223372036854775807, or null"},
        {R"("cgroup": {"pids_max": 0})",
         "$.cgroup.pids_max: must be a whole number from 1 to 4194304, or null"},
        {R"("cgroup": {"cpu_max_us": 999})",
         "$.cgroup.cpu_max_us: must be a whole number from 1000 to 1024000000, or null"},
        {R"("cgroup": {"cpu_period_us": 5000})",
         "$.cgroup.cpu_period_us: means nothing without cpu_max_us"},
        {R"("cgroup": {"cpu_weight": 10001})",
         "$.cgroup.cpu_weight: must be a whole number from 1 to 10000, or null"},
        {R"("cgroup": {"io_weight": "9"})", "$.cgroup.io_weight: must be a whole number or null"},
        {R"("cgroup": {"memory": 1})", "$.cgroup.memory: is not a known key"},
        {R"("capabilities": {"add": ["CHOWN", "FLY"]})",
         "$.capabilities.add[1]: \"FLY\" is not a capability"},
        {R"("capabilities": {"keep": []})", "$.capabilities.keep: is not a known key"},
        {R"("no_new_privs": 1)", "$.no_new_privs: must be true or false"},
        {R"("umask": "1000")", "$.umask: must be octal digits from \"0\" to \"777\""},
        {R"("umask": "8")", "$.umask: must be octal digits from \"0\" to \"777\""},
        {R"("umask": "")", "$.umask: must be octal digits from \"0\" to \"777\""},
        {R"("umask": 22)", "$.umask: must be a string or null"},
        {R"("oom_score_adj": 1001)", "$.oom_score_adj: must be a whole number from -1000 to 1000"},
        {R"("oom_score_adj": -1001)", "$.oom_score_adj: must be a whole number from -1000 to 1000"},
    };
    for (const auto& [members, expected] : table) {
        CAPTURE(members);
        CHECK(refusal(members) == expected);
    }
}

TEST_CASE("the workload has the same attributes, with its own path", "[proto]") {
    const ReadConfig read = read_config(R"({"workload": {"argv": ["a"], "umask": "027",
        "cgroup": {"pids_max": 5}, "rlimits": {"core": "much"}}})");
    REQUIRE(read.config.workload.attributes.umask == 027U);
    REQUIRE(read.config.workload.attributes.cgroup.pids_max == 5U);
    REQUIRE(read.problems.errors.size() == 1);
    REQUIRE(read.problems.errors[0].where == "$.workload.rlimits.core");
}

TEST_CASE("every resource and capability of the kernel has its name", "[proto]") {
    REQUIRE(resource_names().size() == RLIM_NLIMITS);
    std::vector<bool> seen(RLIM_NLIMITS);
    for (const std::string_view name : resource_names())
        seen.at(static_cast<std::size_t>(resource_number(name).value())) = true;
    REQUIRE(seen == std::vector<bool>(RLIM_NLIMITS, true));
    REQUIRE(resource_number("nofile") == RLIMIT_NOFILE);
    REQUIRE_FALSE(resource_number("NOFILE").has_value());

    REQUIRE(capability_number("CHOWN") == CAP_CHOWN);
    REQUIRE(capability_number("SETPCAP") == CAP_SETPCAP);
    REQUIRE(capability_number("NET_RAW") == CAP_NET_RAW);
    REQUIRE(capability_number("SYS_ADMIN") == CAP_SYS_ADMIN);
    REQUIRE(capability_number("SETFCAP") == CAP_SETFCAP);
    REQUIRE(capability_number("CHECKPOINT_RESTORE") == CAP_CHECKPOINT_RESTORE);
    REQUIRE_FALSE(capability_number("ALL").has_value());
}
