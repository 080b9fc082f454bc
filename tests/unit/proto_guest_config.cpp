// What the configuration says about the guest itself.

#include "proto/config.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace rouse::proto;

namespace {

GuestConfig guest(std::string_view text, Config base = {}) {
    const ReadConfig read = read_config(text, std::move(base));
    INFO((read.problems.errors.empty() ? "" : read.problems.errors[0].message()));
    CHECK(read.problems.errors.empty());
    CHECK(read.problems.unknown.empty());
    return read.config.guest;
}

} // namespace

TEST_CASE("the configuration of a guest is read member by member", "[config]") {
    const GuestConfig read = guest(R"({
        "sysctls": {"net.ipv4.ip_forward": 1, "kernel.hostname": "x"},
        "hosts": [{"address": "10.0.0.2", "names": ["db", "db.example"]}],
        "network": [{"interface": "eth0", "addresses": ["10.0.0.5/24"]}],
        "dns": {"servers": ["10.0.0.1"], "search": ["example"]},
        "hotplug": {"cpus": false, "memory": false, "movable": true},
        "credentials": {"import": false}})");
    CHECK(read.sysctls.at("net.ipv4.ip_forward") == "1");
    CHECK(read.sysctls.at("kernel.hostname") == "x");
    REQUIRE(read.hosts.has_value());
    CHECK(*read.hosts ==
          std::vector{HostsEntry{.address = *parse_ip("10.0.0.2"), .names = {"db", "db.example"}}});
    CHECK(read.network.at(0).name == "eth0");
    CHECK(read.dns->servers == std::vector{*parse_ip("10.0.0.1")});
    CHECK(read.hotplug == HotplugConfig{.cpus = false, .memory = false, .movable = true});
    CHECK_FALSE(read.import_credentials);
}

TEST_CASE("a guest that is told nothing keeps what its image has", "[config]") {
    const GuestConfig read = guest("{}");
    CHECK(read == GuestConfig{});
    CHECK(read.hotplug.cpus);
    CHECK(read.hotplug.memory);
    CHECK(read.import_credentials);
}

TEST_CASE("a later source has its lists instead of those before, and its settings on top",
          "[config]") {
    Config base;
    base.guest = guest(R"({"sysctls": {"vm.swappiness": 1, "vm.overcommit_memory": 1},
                           "network": [{"interface": "eth0"}, {"interface": "eth1"}],
                           "hosts": [{"address": "10.0.0.2", "names": ["db"]}],
                           "dns": {"servers": ["10.0.0.1"], "search": ["example"]}})");
    const GuestConfig read = guest(R"({"sysctls": {"vm.swappiness": 60}, "hosts": [],
                                       "network": [{"interface": "eth0", "mtu": 1400}],
                                       "dns": {"servers": ["10.0.0.9"]}})",
                                   base);
    CHECK(read.sysctls == std::map<std::string, std::string>{{"vm.swappiness", "60"},
                                                             {"vm.overcommit_memory", "1"}});
    CHECK(read.network.size() == 1);
    CHECK(read.network.at(0).mtu == 1400U);
    CHECK(read.hosts->empty());
    CHECK(read.dns->servers == std::vector{*parse_ip("10.0.0.9")});
    CHECK(read.dns->search == std::vector<std::string>{"example"});
}

TEST_CASE("what is wrong with the configuration of a guest is told with its path", "[config]") {
    const auto [text, where] = GENERATE(table<const char*, const char*>(
        {{R"({"sysctls": []})", "$.sysctls"},
         {R"({"sysctls": {"ip_forward": 1}})", "$.sysctls.ip_forward"},
         {R"({"sysctls": {"net..x": 1}})", "$.sysctls.net..x"},
         {R"({"sysctls": {"net.x": true}})", "$.sysctls.net.x"},
         {R"({"sysctls": {"net.x": ""}})", "$.sysctls.net.x"},
         {R"({"hosts": {}})", "$.hosts"},
         {R"({"hosts": [{"names": ["db"]}]})", "$.hosts[0].address"},
         {R"({"hosts": [{"address": "db", "names": ["db"]}]})", "$.hosts[0].address"},
         {R"({"hosts": [{"address": "::1"}]})", "$.hosts[0].names"},
         {R"({"hosts": [{"address": "::1", "names": []}]})", "$.hosts[0].names"},
         {R"({"hosts": [{"address": "::1", "names": ["a", "b c"]}]})", "$.hosts[0].names[1]"},
         {R"({"network": [{"interface": "lo"}]})", "$.network[0].interface"},
         {R"({"network": [{"interface": "eth0", "mtu": 1}]})", "$.network[0].mtu"},
         {R"({"dns": {"servers": ["x"]}})", "$.dns.servers[0]"},
         {R"({"hotplug": true})", "$.hotplug"},
         {R"({"hotplug": {"cpus": 1}})", "$.hotplug.cpus"},
         {R"({"hotplug": {"memory": "online"}})", "$.hotplug.memory"},
         {R"({"hotplug": {"movable": 0}})", "$.hotplug.movable"},
         {R"({"credentials": {"import": "no"}})", "$.credentials.import"}}));
    const ReadConfig read = read_config(text);
    CAPTURE(text);
    REQUIRE(read.problems.errors.size() == 1);
    CHECK(read.problems.errors[0].where == where);
}

TEST_CASE("the file of a kernel setting is named by the separator that comes first", "[config]") {
    const auto [name, path] = GENERATE(table<const char*, const char*>(
        {{"net.ipv4.ip_forward", "net/ipv4/ip_forward"},
         {"net/ipv4/conf/eth0.1/rp_filter", "net/ipv4/conf/eth0.1/rp_filter"},
         {"net.ipv4.conf.eth0/1.rp_filter", "net/ipv4/conf/eth0.1/rp_filter"},
         {"kernel", ""},
         {"", ""},
         {".net", ""},
         {"net.", ""},
         {"net..x", ""},
         {"net/../x", ""},
         {"./net", ""},
         {"net/x y", ""},
         {"/net/x", ""}}));
    CAPTURE(name);
    CHECK(sysctl_path(name) == path);
}

TEST_CASE("the kernel command line has a network and name servers", "[config]") {
    const ReadConfig read = read_kernel_command_line(
        "rouse.network=\"eth0=10.0.0.5/24,fd00::5/64,via=10.0.0.1 eth1=mtu=1400\" "
        "rouse.dns=\"10.0.0.1 fd00::1\" rouse.dns_search=example");
    INFO((read.problems.errors.empty() ? "" : read.problems.errors[0].message()));
    CHECK(read.problems.errors.empty());
    const GuestConfig& guest = read.config.guest;
    REQUIRE(guest.network.size() == 2);
    CHECK(guest.network[0].addresses->size() == 2);
    CHECK(guest.network[0].routes->at(0).via == parse_ip("10.0.0.1"));
    CHECK(guest.network[1].mtu == 1400U);
    CHECK(guest.dns->servers.size() == 2);
    CHECK(guest.dns->search == std::vector<std::string>{"example"});

    const ReadConfig wrong = read_kernel_command_line("rouse.network=eth0=10.0.0.5 rouse.dns=x");
    REQUIRE(wrong.problems.errors.size() == 2);
    CHECK(wrong.problems.errors[0].message() ==
          "rouse.network: addresses[0]: must be an address and the length of its network, such as "
          "10.0.0.5/24");
    CHECK(wrong.problems.errors[1].where == "rouse.dns");
    CHECK(wrong.config == Config{});
}
