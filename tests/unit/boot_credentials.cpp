// What the VMM hands to the guest: secrets, CPUs and memory.

#include "agent/boot/credentials.hpp"
#include "agent/boot/hotplug.hpp"
#include "agent/sys/mount.hpp"
#include "agent/sys/proc.hpp"
#include "agent/sys/smbios.hpp"
#include "proto/limits.hpp"
#include "tests/support/own_namespaces.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <sys/stat.h>

using namespace rouse;
using boot::Credential;

namespace {

/// A structure of an SMBIOS table; its strings each end with a NUL.
std::string structure(char type, const std::string& data, const std::string& strings) {
    std::string bytes{type, static_cast<char>(4 + data.size()), '\0', '\0'};
    return bytes + data + strings + std::string(strings.empty() ? 2 : 1, '\0');
}

std::string oem(std::vector<std::string> strings) {
    std::string text;
    for (const std::string& one : strings)
        text += one + '\0';
    return structure(11, std::string(1, static_cast<char>(strings.size())), text);
}

const std::string end_of_table = structure(127, "", "");

std::string failures(const boot::Report& report) {
    std::string text;
    for (const boot::Step& step : report.steps())
        if (!step.ok) text += step.name + ": " + step.message + "\n";
    return text;
}

void write(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
}

mode_t mode_of(const std::string& path) {
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_mode & 07777U;
}

} // namespace

TEST_CASE("the OEM strings of all structures are found among the others", "[boot]") {
    const std::string table = structure(0, "bios", std::string("vendor\0", 7)) +
                              structure(32, "", "") + oem({"one", "two"}) + oem({"three"}) +
                              end_of_table + oem({"behind the end"});
    CHECK(sys::oem_strings(table) == std::vector<std::string>{"one", "two", "three"});
    CHECK(sys::oem_strings("").empty());
    for (std::size_t cut = 0; cut < table.size(); ++cut)
        CHECK(sys::oem_strings(std::string_view(table).substr(0, cut)).size() <= 3);
    CHECK(sys::oem_strings(std::string(100, '\0')).empty());
}

TEST_CASE("credentials come from firmware, OEM strings and the command line, in this order",
          "[boot]") {
    const boot::Credentials credentials = boot::choose_credentials(
        {.firmware = {{"a", "of the firmware"}, {"binary", std::string("\0\x01", 2)}},
         .oem_strings = {"io.systemd.credential:b=x=y", "io.systemd.credential:a=too late",
                         "io.systemd.credential.binary:c=AAE=", "something else", ""},
         .command_line = "quiet systemd.set_credential=d:x:y systemd.set-credential=b:no "
                         "systemd.set_credential_binary=e:AAE= \"systemd.set_credential=f:a b\""});
    CHECK(credentials.found == std::vector<Credential>{{"a", "of the firmware"},
                                                       {"binary", std::string("\0\x01", 2)},
                                                       {"b", "x=y"},
                                                       {"c", std::string("\0\x01", 2)},
                                                       {"d", "x:y"},
                                                       {"e", std::string("\0\x01", 2)},
                                                       {"f", "a b"}});
    CHECK(failures(credentials.report).empty());
}

TEST_CASE("a credential that cannot be taken is told by its name, never by its contents",
          "[boot]") {
    const boot::Credentials credentials = boot::choose_credentials(
        {.firmware = {{"large", std::string(proto::limits::credential_bytes, 'x')},
                      {"more", "secret"}},
         .oem_strings = {"io.systemd.credential:../../etc/passwd=secret",
                         "io.systemd.credential:=secret", "io.systemd.credential:..=secret",
                         "io.systemd.credential.binary:b=secret"},
         .command_line = "systemd.set_credential=nothing"});
    CHECK(credentials.found.size() == 1);
    CHECK(failures(credentials.report) == "more: all together are too long\n"
                                          "credential: its name is not the name of a file\n"
                                          "credential: its name is not the name of a file\n"
                                          "credential: its name is not the name of a file\n"
                                          "b: its value is not base64\n");
}

TEST_CASE("the command line may say that no credentials are imported", "[boot]") {
    for (const char* const no : {"no", "0", "false", "off"}) {
        const boot::Credentials credentials = boot::choose_credentials(
            {.firmware = {{"a", "x"}},
             .oem_strings = {},
             .command_line = std::string("systemd.import_credentials=") + no});
        CHECK(credentials.found.empty());
        CHECK(credentials.report.steps().empty());
    }
}

TEST_CASE("credentials lie in a read-only file system of their own, for root alone", "[boot]") {
    test::in_own_namespaces([] {
        const test::TemporaryDirectory directory;
        const std::string here = directory.path();
        const boot::CredentialPlaces places{.firmware = here + "/fw",
                                            .smbios = here + "/dmi",
                                            .command_line = here + "/cmdline",
                                            .directory = here + "/credentials/@system"};
        CHECK(boot::import_credentials(places).steps().empty());
        CHECK_FALSE(std::filesystem::exists(here + "/credentials"));

        write(here + "/fw/one/raw", "of the firmware");
        write(here + "/dmi", oem({"io.systemd.credential:two=of the table"}) + end_of_table);
        write(here + "/cmdline", "quiet systemd.set_credential=three:of-the-line\n");
        CHECK(failures(boot::import_credentials(places)).empty());
        CHECK(sys::read_file(places.directory + "/one").value() == "of the firmware");
        CHECK(sys::read_file(places.directory + "/two").value() == "of the table");
        CHECK(sys::read_file(places.directory + "/three").value() == "of-the-line");
        CHECK(mode_of(places.directory) == 0500);
        CHECK(mode_of(places.directory + "/one") == 0400);
        CHECK(sys::write_file(places.directory + "/one", "x").error() == sys::error_from(EROFS));
        const auto mounts = sys::parse_mounts(sys::read_file("/proc/thread-self/mounts").value());
        const auto mount = std::find_if(mounts.begin(), mounts.end(), [&](const auto& one) {
            return one.target == places.directory;
        });
        REQUIRE(mount != mounts.end());
        CHECK((mount->type == "tmpfs" || mount->type == "ramfs"));
        CHECK(sys::unmount(places.directory).has_value());
    });
}

TEST_CASE("CPUs and memory that are there and offline are brought online", "[boot]") {
    const test::TemporaryDirectory directory;
    const std::string devices = directory.path();
    const auto read = [&](const char* file) { return sys::read_file(devices + file).value(); };
    write(devices + "/cpu/cpu1/online", "0\n");
    write(devices + "/cpu/cpu2/online", "1\n");
    write(devices + "/cpu/cpufreq/online", "0\n");
    write(devices + "/cpu/online", "0\n");
    write(devices + "/memory/auto_online_blocks", "offline\n");
    write(devices + "/memory/memory32/state", "offline\n");
    write(devices + "/memory/memory1/state", "online\n");

    CHECK(boot::bring_online({.cpus = false, .memory = false}, devices).steps().empty());
    CHECK(read("/memory/auto_online_blocks") == "offline\n");
    const boot::Report report = boot::bring_online(proto::HotplugConfig{}, devices);
    REQUIRE(report.steps().size() == 2);
    CHECK(report.steps()[0].name == "cpu1");
    CHECK(report.steps()[1].name == "memory32");
    CHECK(read("/cpu/cpu1/online") == "1\n");
    CHECK(read("/cpu/cpufreq/online") == "0\n");
    CHECK(read("/memory/memory32/state").starts_with("online"));
    CHECK(read("/memory/auto_online_blocks").starts_with("online"));
}

TEST_CASE("a device that the kernel announces is brought online, if it is wanted", "[boot]") {
    const test::TemporaryDirectory directory;
    const std::string devices = directory.path();
    write(devices + "/cpu/cpu1/online", "0\n");
    write(devices + "/memory/memory40/state", "offline\n");
    const sys::Uevent cpu{
        .action = "add", .path = "/devices/system/cpu/cpu1", .values = {{"SUBSYSTEM", "cpu"}}};
    const sys::Uevent memory{.action = "add",
                             .path = "/devices/system/memory/memory40",
                             .values = {{"SUBSYSTEM", "memory"}}};
    sys::Uevent other = cpu;
    other.action = "offline"; // somebody took it away on purpose
    CHECK(boot::bring_online(other, {}, devices).steps().empty());
    CHECK(boot::bring_online(cpu, {.cpus = false}, devices).steps().empty());
    CHECK(boot::bring_online(memory, {.memory = false}, devices).steps().empty());

    CHECK(boot::bring_online(cpu, {}, devices).steps().size() == 1);
    CHECK(sys::read_file(devices + "/cpu/cpu1/online").value() == "1\n");
    CHECK(boot::bring_online(memory, {.movable = true}, devices).steps().size() == 1);
    CHECK(sys::read_file(devices + "/memory/memory40/state").value() == "online_movable");
    CHECK(boot::bring_online(cpu, {}, devices).steps().empty());
}
