// The network at boot and afterwards, really changed: in namespaces of the test's own.

#include "agent/boot/hotplug_watch.hpp"
#include "agent/boot/network.hpp"
#include "agent/io/task_group.hpp"
#include "agent/sys/proc.hpp"
#include "proto/config.hpp"
#include "tests/support/command.hpp"
#include "tests/support/own_namespaces.hpp"
#include "tests/support/run_until.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <thread>

using namespace rouse;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

/// Runs ip(8) and returns what it says.
std::string run_ip(std::vector<std::string> words) {
    words.insert(words.begin(), "ip");
    const test::Said said = test::run_command(words, 10s);
    INFO(said.error);
    REQUIRE(said.status == 0);
    return said.output;
}

void plug(const char* name, const char* peer) {
    run_ip({"link", "add", name, "type", "veth", "peer", "name", peer});
    run_ip({"link", "set", peer, "up"});
}

proto::GuestConfig config(std::string_view text) {
    proto::ReadConfig read = proto::read_config(text);
    REQUIRE(read.problems.errors.empty());
    // The CPUs and the memory of this machine are nobody's to change.
    read.config.guest.hotplug = {.cpus = false, .memory = false};
    return read.config.guest;
}

constexpr std::string_view two_interfaces = R"({"network": [
    {"interface": "eth0", "mtu": 1400, "addresses": ["10.0.0.5/24", "fd00::5/64"],
     "routes": [{"to": "default", "via": "10.0.0.1"}]},
    {"interface": "eth1", "addresses": ["10.1.0.5/32"],
     "routes": [{"to": "10.9.0.0/16", "via": "169.254.1.1", "on_link": true}]}],
    "sysctls": {"net.ipv4.conf.eth1.rp_filter": 2, "net.ipv4.conf.lo.forwarding": 1}})";

std::string setting(const std::string& path) {
    return sys::read_file("/proc/sys/net/ipv4/conf/" + path).value();
}

void check_eth1() {
    CHECK_THAT(run_ip({"-o", "addr", "show", "eth1"}), ContainsSubstring("inet 10.1.0.5/32"));
    CHECK_THAT(run_ip({"route"}), ContainsSubstring("10.9.0.0/16 via 169.254.1.1 dev eth1"));
    CHECK(setting("eth1/rp_filter") == "2\n");
}

void check_ok(const std::vector<boot::Step>& steps) {
    for (const boot::Step& step : steps) {
        INFO(step.name << ": " << step.message);
        CHECK(step.ok);
    }
}

/// An agent that has booted with two_interfaces, of which eth0 had not appeared.
class HotplugScene {
public:
    void watch() { tasks_.spawn("hotplug", watch_.run()); }
    /// As from a restore document with this configuration.
    void learn(std::string_view document) { watch_.learn(config(document).network); }

    /// Waits until so many devices are told of.
    void await_told(std::size_t devices) {
        REQUIRE(test::run_until(context_, [&] { return told_.size() >= devices; }));
    }
    [[nodiscard]] const std::vector<boot::Step>& told() const { return told_; }

    void end() {
        tasks_.cancel();
        CHECK(test::run_until(context_, [&] { return tasks_.size() == 0; }));
    }

private:
    io::asio::io_context context_;
    std::vector<boot::Step> told_;
    sys::BlockingCalls calls_;
    io::Blocking blocking_{context_.get_executor(), calls_};
    boot::HotplugWatch watch_{context_.get_executor(),
                              blocking_,
                              config(two_interfaces),
                              {"eth0"},
                              [this](const boot::Step& step) { told_.push_back(step); }};
    io::TaskGroup tasks_{context_.get_executor(), [](const auto& task, const auto& what) {
                             FAIL_CHECK(task << ": " << what);
                         }};
};

} // namespace

TEST_CASE("the interfaces of the configuration are set up at boot, those too that come late",
          "[boot][network]") {
    test::in_own_namespaces([] {
        plug("eth0", "peer0");
        const proto::GuestConfig guest = config(two_interfaces);
        boot::NetworkAtBoot result;
        // The thread has this one's namespaces; eth1 comes when it waits, or before it looks.
        std::thread booting([&] { result = boot::set_up_network(guest, 60s); });
        plug("eth1", "peer1");
        booting.join();
        check_ok(result.report.steps());
        CHECK(result.late.empty());
        CHECK_THAT(run_ip({"-o", "link", "show", "lo"}), ContainsSubstring("UP"));
        const std::string eth0 = run_ip({"-o", "addr", "show", "eth0"});
        CHECK_THAT(eth0, ContainsSubstring("inet 10.0.0.5/24") &&
                             ContainsSubstring("inet6 fd00::5/64") &&
                             !ContainsSubstring("fd00::5/64 scope global tentative"));
        CHECK_THAT(run_ip({"-o", "link", "show", "eth0"}), ContainsSubstring("mtu 1400"));
        CHECK_THAT(run_ip({"route"}), ContainsSubstring("default via 10.0.0.1 dev eth0"));
        CHECK(setting("lo/forwarding") == "1\n");
        check_eth1();
    });
}

TEST_CASE("an interface that does not appear is told, and holds up no other", "[boot][network]") {
    test::in_own_namespaces([] {
        plug("eth1", "peer1");
        const auto result = boot::set_up_network(config(two_interfaces), 1ms);
        CHECK(result.late == std::vector<std::string>{"eth0"});
        const auto& steps = result.report.steps();
        const auto failed = std::find_if(steps.begin(), steps.end(),
                                         [](const boot::Step& step) { return !step.ok; });
        REQUIRE(failed != steps.end());
        CHECK(failed->name == "interface eth0");
        CHECK(failed->message == "has not appeared after 1 ms; it is configured when it does");
        check_eth1();
    });
}

TEST_CASE("an interface that appears while the agent runs is set up then", "[boot][network]") {
    test::in_own_namespaces([] {
        HotplugScene scene;
        scene.watch();
        // One that came between boot and agent, and one that comes when the agent waits.
        plug("eth0", "peer0");
        scene.await_told(1);
        CHECK(scene.told().at(0).name == "interface eth0");
        plug("eth1", "peer1");
        scene.await_told(2);
        CHECK(scene.told().at(1).name == "interface eth1"); // with its settings
        check_eth1();
        check_ok(scene.told());
        scene.end();
    });
}

TEST_CASE("a setting of an interface that cannot be made is the interface's own fault",
          "[boot][network]") {
    test::in_own_namespaces([] {
        plug("eth0", "peer0");
        const proto::GuestConfig guest =
            config(R"({"network": [{"interface": "eth0", "addresses": ["10.0.0.5/24"]}],
                       "sysctls": {"net.ipv4.conf.eth0.rp_filter": 2,
                                   "net.ipv4.conf.eth0.nothing": 1}})");
        const boot::Step step = boot::set_up_interface(guest.network.at(0), guest);
        CHECK(step.name == "interface eth0");
        CHECK_FALSE(step.ok);
        CHECK(step.message == "sysctl net.ipv4.conf.eth0.nothing: No such file or directory");
        CHECK(setting("eth0/rp_filter") == "2\n");
    });
}

TEST_CASE("an interface that appears after a restore gets what the restore document said",
          "[boot][network]") {
    test::in_own_namespaces([] {
        HotplugScene scene;
        scene.learn(R"({"network": [{"interface": "eth0", "addresses": ["10.7.0.5/24"]},
                                    {"interface": "eth2", "addresses": ["10.8.0.5/24"]}]})");
        scene.watch();
        plug("eth0", "peer0");
        scene.await_told(1);
        plug("eth2", "peer2");
        scene.await_told(2);
        check_ok(scene.told()); // also without the gateway of the addresses before
        CHECK_THAT(run_ip({"-o", "addr", "show", "eth0"}), ContainsSubstring("inet 10.7.0.5/24") &&
                                                               !ContainsSubstring("10.0.0.5") &&
                                                               !ContainsSubstring("fd00::5"));
        CHECK_THAT(run_ip({"-o", "link", "show", "eth0"}), ContainsSubstring("mtu 1400"));
        CHECK_THAT(run_ip({"-o", "addr", "show", "eth2"}), ContainsSubstring("inet 10.8.0.5/24"));
        scene.end();
    });
}
