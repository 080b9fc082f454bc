// What booting makes of a guest: its names, its network, what the VMM hands to it, and how long
// each step took.
#include "tests/vm/guest.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <map>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using test::Guest;
using test::in_guest;
namespace json = boost::json;

namespace {

json::value boot_document(const Guest& guest) {
    return json::parse(ask(guest.endpoint(), "GET", "/v1/debug/boot").body);
}

/// The steps by their names, with how they went.
std::map<std::string, std::string> outcomes(const json::value& document) {
    std::map<std::string, std::string> found;
    for (const json::value& step : document.at("steps").as_array())
        found[test::text_at(step, "/name")] = test::text_at(step, "/outcome");
    return found;
}

} // namespace

TEST_CASE("the boot of a guest is told step by step, from power-on to READY", "[agent][vm]") {
    const std::string kernel = GENERATE("6.1", "6.12", "7.2");
    INFO("kernel " << kernel);
    Guest& guest = Guest::shared(kernel);
    const json::value document = boot_document(guest);
    INFO(json::serialize(document));
    const std::map<std::string, std::string> wanted{
        {"mounts", "ok"},        {"modules", "ok"},      {"configuration", "ok"},
        {"root", "skipped"},     {"volumes", "skipped"}, {"swap", "skipped"},
        {"hostname", "skipped"}, {"hosts", "ok"},        {"resolv.conf", "skipped"},
        {"sysctls", "skipped"},  {"network", "ok"},      {"credentials", "skipped"},
        {"hotplug", "skipped"},  {"limits", "ok"}};
    CHECK(outcomes(document) == wanted);
    const std::uint64_t init = test::number_at(document, "/init_us");
    const std::uint64_t agent = test::number_at(document, "/agent_us");
    CHECK(init > 0);
    CHECK(agent > init);
    CHECK(test::number_at(document, "/ready_us") > agent);
    for (const json::value& step : document.at("steps").as_array()) {
        const std::uint64_t start = test::number_at(step, "/start_us");
        CHECK(start >= init);
        CHECK(start + test::number_at(step, "/duration_us") <= agent);
    }
    const test::Said shown = guest.rousectl({"debug", "boot"});
    CHECK(shown.status == 0);
    CHECK_THAT(shown.output, StartsWith("STEP") && ContainsSubstring("\n  modules") &&
                                 ContainsSubstring("\nREADY"));
    const test::Said inside =
        test::run_command(guest.exec_command({"/init", "debug", "boot"}), test::patience);
    CHECK(inside.output == shown.output);
}

TEST_CASE("file systems that programs expect are mounted", "[agent][vm]") {
    const std::string kernel = GENERATE("6.1", "6.12", "7.2");
    INFO("kernel " << kernel);
    const std::string mounts = in_guest(Guest::shared(kernel), "cat /proc/mounts");
    for (const char* const target :
         {"/proc", "/sys", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/hugepages", "/run",
          "/run/lock", "/tmp", "/sys/fs/cgroup", "/sys/fs/bpf", "/sys/kernel/security",
          "/sys/kernel/tracing"})
        CHECK_THAT(mounts, ContainsSubstring(fmt::format(" {} ", target)));
}

TEST_CASE("a guest has the names and the settings of its configuration", "[agent][vm]") {
    const std::string kernel = GENERATE("6.1", "6.12");
    INFO("kernel " << kernel);
    Guest guest(kernel, R"({"on_exit": "stay", "hostname": "box.example",
        "hosts": [{"address": "10.0.0.2", "names": ["db.example", "db"]}],
        "dns": {"servers": ["10.0.0.1", "fd00::1"], "search": ["example"]},
        "sysctls": {"vm.swappiness": 7, "net.ipv4.ip_forward": "1", "net.core.nothing": 1,
                    "net.ipv4.conf.lo.rp_filter": 2}})");
    CHECK(in_guest(guest, "hostname") == "box.example\n");
    CHECK_THAT(in_guest(guest, "cat /etc/hosts"),
               ContainsSubstring("127.0.1.1 box.example box\n10.0.0.2 db.example db\n"));
    CHECK(in_guest(guest, "cat /etc/resolv.conf") ==
          "# Written by rouse.\nsearch example\nnameserver 10.0.0.1\nnameserver fd00::1\n");
    CHECK(in_guest(guest, "cd /proc/sys; cat vm/swappiness net/ipv4/ip_forward "
                          "net/ipv4/conf/lo/rp_filter") == "7\n1\n2\n");
    // A wrong one is told, and does not keep the others from being set.
    CHECK_THAT(guest.machine().console_text(),
               ContainsSubstring("sysctl net.core.nothing: No such file or directory"));
    CHECK(outcomes(boot_document(guest)).at("sysctls") == "failed");
}

TEST_CASE("credentials of the VMM come by firmware, SMBIOS and command line", "[agent][vm]") {
    const std::string kernel = GENERATE("6.1", "6.12", "7.2");
    INFO("kernel " << kernel);
    lab::MachineOptions options = test::agent_options(kernel, R"({"on_exit": "stay"})");
    options.modules = {"qemu_fw_cfg"};
    options.arguments = {"-fw_cfg", "name=opt/io.systemd.credentials/fw,string=of the firmware",
                         "-smbios",
                         "type=11,value=io.systemd.credential:smbios=of the table,"
                         "value=io.systemd.credential.binary:binary=AAEC"};
    options.command_line = "systemd.set_credential=line:of-the-line";
    Guest guest(std::move(options));
    constexpr std::string_view place = "cd /run/credentials/@system; ";
    CHECK(in_guest(guest, fmt::format("{}cat fw smbios line", place)) ==
          "of the firmwareof the tableof-the-line");
    CHECK(in_guest(guest, fmt::format("{}cat binary", place)) == std::string("\0\x01\x02", 3));
    CHECK(in_guest(guest, fmt::format("{}stat -c %a . fw smbios binary line", place)) ==
          "500\n400\n400\n400\n400\n");
    const std::string mount = in_guest(guest, "grep @system /proc/mounts");
    CHECK_THAT(mount, ContainsSubstring("ro,") && ContainsSubstring("nosuid") &&
                          ContainsSubstring("noexec"));
    const test::Said nobody =
        guest.rousectl({"exec", "--user", "65534", "--", "cat", "/run/credentials/@system/fw"});
    CHECK(nobody.status != 0);
    CHECK_THAT(nobody.error, ContainsSubstring("Permission denied"));
    CHECK_THAT(guest.machine().console_text(), !ContainsSubstring("of the"));
}

TEST_CASE("a guest may be told to leave its credentials and its hardware alone", "[agent][vm]") {
    const std::string kernel = GENERATE("6.1", "6.12");
    INFO("kernel " << kernel);
    lab::MachineOptions options =
        test::agent_options(kernel, R"({"on_exit": "stay", "credentials": {"import": false},
                    "hotplug": {"cpus": false, "memory": false}})");
    options.arguments = {"-smp", "2"};
    options.command_line = "systemd.set_credential=line:of-the-line maxcpus=1";
    Guest guest(std::move(options));
    CHECK(in_guest(guest, "ls /run") == "lock\nrouse\n");
    CHECK(in_guest(guest, "cat /sys/devices/system/cpu/online") == "0\n");
}

TEST_CASE("a CPU that is there and offline is used", "[agent][vm]") {
    const std::string kernel = GENERATE("6.1", "6.12", "7.2");
    INFO("kernel " << kernel);
    lab::MachineOptions options = test::agent_options(kernel, R"({"on_exit": "stay"})");
    options.arguments = {"-smp", "2"};
    options.command_line = "maxcpus=1";
    Guest guest(std::move(options));
    CHECK(in_guest(guest, "cat /sys/devices/system/cpu/online") == "0-1\n");
    CHECK(outcomes(boot_document(guest)).at("hotplug") == "ok");
}
