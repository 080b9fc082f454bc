// The network that a guest has from its boot on, between guests and to the VMM.
#include "tests/vm/guest.hpp"
#include "tools/lab/qmp.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::begin_session;
using test::Guest;
using test::in_guest;

namespace {

constexpr std::string_view second_mac = "52:54:00:00:00:02";

/// One end of a cable: QEMU's words for the guest's card. The end that listens is there first.
std::string cable(const std::string& socket, bool listens) {
    return fmt::format("stream,server={},addr.type=unix,addr.path={}", listens ? "on" : "off",
                       socket);
}

/// One of two guests that a cable joins.
lab::MachineOptions wired(const std::string& kernel, const std::string& socket, bool first) {
    const std::string config = fmt::format(
        R"({{"on_exit": "stay",
             "network": [{{"interface": "eth0", "mac": "{}", "mtu": 1400,
                           "addresses": ["10.0.0.{}/24", "fd00::{}/64"],
                           "routes": [{{"to": "10.9.0.0/16", "via": "192.0.2.1",
                                        "on_link": true}}]}}],
             "hosts": [{{"address": "fd00::1", "names": ["first"]}}]}})",
        first ? "52:54:00:00:00:01" : second_mac, first ? 1 : 2, first ? 1 : 2);
    lab::MachineOptions options = test::agent_options(kernel, config);
    options.network = cable(socket, first);
    return options;
}

} // namespace

TEST_CASE("two guests with static addresses reach each other by IPv4 and IPv6", "[agent][vm]") {
    const auto [kernel, other] =
        GENERATE(table<std::string, std::string>({{"6.1", "6.12"}, {"7.2", "7.2"}}));
    INFO("kernels " << kernel << " and " << other);
    const test::TemporaryDirectory folder;
    const std::string socket = folder.path() / "cable";
    Guest first(wired(kernel, socket, true));
    Guest second(wired(other, socket, false));
    CHECK_THAT(in_guest(second, "ip addr show eth0"),
               ContainsSubstring(std::string(second_mac)) && ContainsSubstring("mtu 1400") &&
                   ContainsSubstring("inet 10.0.0.2/24") && ContainsSubstring("inet6 fd00::2/64"));
    CHECK_THAT(in_guest(second, "ip route"),
               ContainsSubstring("10.9.0.0/16 via 192.0.2.1 dev eth0 onlink"));
    (void)in_guest(second, "ping -c 1 -W 10 10.0.0.1");
    (void)in_guest(second, "ping6 -c 1 -W 10 fd00::1");
    begin_session(first, "echo", "nc -ll -p 7 -e cat");
    // Until nc listens: the session says that it runs, not that its port is there.
    test::wait_until(
        [&] {
            return exec(first.endpoint(), {"sh", "-c", "cat /proc/net/tcp6 | grep -q ':0007 '"})
                       .exit->code == 0U;
        },
        [] { return "nobody listens"; }, test::patience);
    CHECK(in_guest(second, "echo four | nc -w 10 10.0.0.1 7") == "four\n");
    CHECK(in_guest(second, "echo six | nc -w 10 first 7") == "six\n");
}

TEST_CASE("the kernel command line gives a guest its network", "[agent][vm]") {
    const std::string kernel = GENERATE("6.1", "6.12");
    INFO("kernel " << kernel);
    lab::MachineOptions options = test::agent_options(kernel, R"({"on_exit": "stay"})");
    options.network = "user,restrict=on";
    options.command_line = "rouse.network=eth0=10.0.2.15/24,via=10.0.2.2 rouse.dns=10.0.2.3";
    Guest guest(std::move(options));
    CHECK_THAT(in_guest(guest, "ip route"), ContainsSubstring("default via 10.0.2.2 dev eth0"));
    CHECK_THAT(in_guest(guest, "cat /etc/resolv.conf"), ContainsSubstring("nameserver 10.0.2.3\n"));
    (void)in_guest(guest, "ping -c 1 -W 10 10.0.2.2");
}

TEST_CASE("a network card that is plugged in later is configured then", "[agent][vm]") {
    const std::string kernel = GENERATE("6.1", "6.12", "7.2");
    INFO("kernel " << kernel);
    lab::MachineOptions options = test::agent_options(kernel, R"({"on_exit": "stay",
                    "network": [{"interface": "eth0", "addresses": ["10.0.2.15/24"]}]})");
    options.modules = {"virtio_net"};
    Guest guest(std::move(options));
    CHECK_THAT(guest.machine().console_text(),
               ContainsSubstring("interface eth0: has not appeared after 5000 ms"));
    {
        const lab::Deadline deadline(test::patience);
        lab::Qmp control(guest.machine().files().control_socket(), deadline);
        (void)control.execute("netdev_add", {{"type", "user"}, {"id", "net1"}, {"restrict", true}},
                              deadline);
        (void)control.execute("device_add",
                              {{"driver", "virtio-net-pci"}, {"netdev", "net1"}, {"romfile", ""}},
                              deadline);
    }
    test::wait_device(guest, "interface eth0");
    (void)in_guest(guest, "ping -c 1 -W 10 10.0.2.2");
}
