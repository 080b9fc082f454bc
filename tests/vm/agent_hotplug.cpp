// Processors and memory that the VMM plugs in while the guest runs.
#include "tests/vm/guest.hpp"
#include "tests/vm/restored.hpp"
#include "tools/lab/qmp.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Guest;
using test::in_guest;
namespace json = boost::json;

namespace {

/// What the guest's kernel says that it has, in KiB.
std::uint64_t memory_kib(const Guest& guest) {
    const std::string text = in_guest(guest, "awk '/MemTotal/ { print $2 }' /proc/meminfo");
    return json::parse(text).to_number<std::uint64_t>();
}

/// The CPU that this machine could have besides.
json::object second_cpu(lab::Qmp& control, lab::Deadline deadline) {
    const json::value cpus = control.execute("query-hotpluggable-cpus", {}, deadline);
    for (const json::value& cpu : cpus.as_array()) {
        if (cpu.as_object().contains("qom-path")) continue;
        json::object device = cpu.at("props").as_object();
        device["driver"] = cpu.at("type");
        device["id"] = "cpu1";
        return device;
    }
    FAIL("no CPU can be plugged in: " << json::serialize(cpus));
    return {};
}

/// A second CPU comes, and the guest uses it.
void check_second_cpu(lab::MachineOptions options) {
    options.arguments = {"-smp", "1,maxcpus=2"};
    Guest guest(std::move(options));
    CHECK(in_guest(guest, "cat /sys/devices/system/cpu/online") == "0\n");
    {
        const lab::Deadline deadline(test::patience);
        lab::Qmp control(guest.machine().files().control_socket(), deadline);
        (void)control.execute("device_add", second_cpu(control, deadline), deadline);
    }
    test::wait_device(guest, "cpu1");
    CHECK(in_guest(guest, "cat /sys/devices/system/cpu/online") == "0-1\n");
}

constexpr const char* staying = R"({"on_exit": "stay"})";

} // namespace

// Since Linux 6.9 a machine without a hypervisor that it knows, as under TCG, takes no CPU later.
TEST_CASE("a CPU that is plugged in is used", "[agent][vm]") {
    check_second_cpu(test::agent_options("6.1", staying));
}

TEST_CASE("genuine KVM: a CPU that is plugged in is used", "[.][genuine]") {
    const std::string kernel = GENERATE("6.12", "7.2");
    INFO("kernel " << kernel);
    check_second_cpu(test::genuine_options(kernel, staying));
}

TEST_CASE("memory that is plugged in is used", "[agent][vm]") {
    const std::string kernel = GENERATE("6.1", "6.12", "7.2");
    INFO("kernel " << kernel);
    lab::MachineOptions options = test::agent_options(kernel, staying);
    options.arguments = {"-m", "256,slots=2,maxmem=1G"};
    Guest guest(std::move(options));
    const std::uint64_t before = memory_kib(guest);
    constexpr std::uint64_t more_kib = 128 * 1024;
    test::plug_memory(guest, more_kib * 1024);
    test::wait_until([&] { return memory_kib(guest) == before + more_kib; },
                     [&] { return in_guest(guest, "cat /proc/meminfo"); }, test::patience);
    CHECK_THAT(guest.machine().console_text(), !ContainsSubstring("rouse: warning"));
}
