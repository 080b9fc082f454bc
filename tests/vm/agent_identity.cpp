// Who a guest is after a restore: its name, its numbers, its network, with a real network card.
#include "tests/vm/guest.hpp"
#include "tools/lab/identity.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <algorithm>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::begin_session;
using test::Guest;
using test::in_guest;

namespace {

/// Whoever connects here hears what he says, outside of the guest.
constexpr const char* echo = "10.0.2.100 7";

lab::MachineOptions with_network(const std::string& kernel) {
    lab::MachineOptions options = test::agent_options(kernel, R"({"on_exit": "stay"})");
    // Nothing outside can be reached but 10.0.2.2, which answers ARP, and this one.
    options.network = "user,restrict=on,guestfwd=tcp:10.0.2.100:7-cmd:cat";
    return options;
}

boost::json::value session(const Guest& guest, const std::string& id) {
    return boost::json::parse(ask(guest.endpoint(), "GET", "/v1/sessions/" + id).body);
}

/// Until the session has written so much: its connection stands.
void wait_output(const Guest& guest, const std::string& id, std::uint64_t bytes) {
    boost::json::value last;
    test::wait_until(
        [&] {
            last = session(guest, id);
            return test::number_at(last, "/stdout/next") == bytes;
        },
        [&] { return boost::json::serialize(last); }, test::patience);
}

} // namespace

TEST_CASE("a restored guest has the name, the numbers and the network that it was given",
          "[agent][vm][restore]") {
    const std::string kernel = GENERATE("6.1", "6.12");
    INFO("kernel " << kernel);
    const Guest guest(with_network(kernel));
    (void)in_guest(guest, "ip link set eth0 up && ip addr add 10.0.2.15/24 dev eth0 && "
                          "ip route add default via 10.0.2.2 && mkfifo /tmp/far /tmp/near");
    begin_session(guest, "far",
                  fmt::format("exec 3<>/tmp/far; echo hello >&3; exec nc {} <&3", echo));
    begin_session(guest, "near",
                  "exec 3<>/tmp/near; nc -ll -p 777 -e cat & echo hello >&3; "
                  "until nc 127.0.0.1 777 <&3; do sleep 0.1; done");
    wait_output(guest, "far", 6);
    wait_output(guest, "near", 6);

    const std::string machine_id = "0123456789abcdef0123456789abcdef";
    const auto said = guest.rousectl(
        {"restore", "--json", "--hostname", "clone-7", "--machine-id", machine_id, "--net",
         "eth0=10.0.2.77/24,fd00::77/64,mac=52:54:00:77:00:01,mtu=1400,via=10.0.2.2", "--dns",
         "10.0.2.3", "--dns-search", "example.org", "--close-tcp"});
    INFO(said.output << said.error);
    REQUIRE(said.status == 0);
    const auto report = proto::parse_restore_report(boost::json::parse(said.output)).value();
    for (const char* name :
         {"entropy", "clock", "hostname", "machine_id", "network", "dns", "close_tcp"}) {
        INFO(name);
        CHECK(std::count_if(report.steps.begin(), report.steps.end(), [&](const auto& step) {
                  return step.name == name && step.outcome == "ok";
              }) == 1);
    }
    CHECK(in_guest(guest, "hostname") == "clone-7\n");
    CHECK(in_guest(guest, "cat /etc/hostname") == "clone-7\n");
    CHECK(in_guest(guest, "cat /etc/machine-id") == machine_id + "\n");
    CHECK_THAT(in_guest(guest, "cat /etc/resolv.conf"),
               ContainsSubstring("\nsearch example.org\nnameserver 10.0.2.3\n"));
    const std::string link = in_guest(guest, "ip addr show dev eth0");
    for (const char* words :
         {"mtu 1400", "link/ether 52:54:00:77:00:01", "inet 10.0.2.77/24", "inet6 fd00::77/64"})
        CHECK_THAT(link, ContainsSubstring(words));
    CHECK_THAT(link, !ContainsSubstring("10.0.2.15"));
    CHECK_THAT(in_guest(guest, "ip route"), ContainsSubstring("default via 10.0.2.2 dev eth0"));
    // What came from the old address has ended, what never left the guest has not.
    test::wait_until([&] { return session(guest, "far").at("state").as_string() == "exited"; },
                     [] { return "the connection goes on"; }, test::patience);
    CHECK(session(guest, "near").at("state").as_string() == "running");
    // The world outside answers the new address.
    CHECK(in_guest(guest, fmt::format("echo again | nc -w 5 {}", echo)) == "again\n");

    // Whoever waits for this generation hears of it at once, and for another one in vain.
    CHECK(guest.rousectl({"wait", "restored", "--generation", report.generation}).status == 0);
    CHECK(guest
              .rousectl(
                  {"wait", "restored", "--generation", lab::random_uuid(), "--timeout", "200ms"})
              .status == 125);
}
