// Names of this machine and of others, also where the image cannot be written to.

#include "agent/boot/names.hpp"
#include "agent/boot/sysctls.hpp"
#include "agent/sys/machine.hpp"
#include "agent/sys/mount.hpp"
#include "agent/sys/proc.hpp"
#include "tests/support/own_namespaces.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <filesystem>
#include <fstream>
#include <utility>

#include <sys/mount.h>
#include <sys/stat.h>

using namespace rouse;
using boot::NamePlaces;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

namespace {

const std::vector<proto::HostsEntry> database{
    {.address = *proto::parse_ip("10.0.0.2"), .names = {"db.example", "db"}}};

std::string content(const std::string& path) {
    const sys::Result<std::string> text = sys::read_file(path);
    INFO(path);
    REQUIRE(text.has_value());
    return *text;
}

bool ok(const boot::Report& report) {
    for (const boot::Step& step : report.steps()) {
        UNSCOPED_INFO(step.name << ": " << step.message);
        if (!step.ok) return false;
    }
    return true;
}

/// A directory of files that cannot be written, as those of a read-only root.
class ReadOnly {
public:
    explicit ReadOnly(std::string directory) : directory_(std::move(directory)) {
        mount(MS_BIND);
        mount(MS_REMOUNT | MS_BIND | MS_RDONLY);
    }

private:
    void mount(unsigned long flags) {
        REQUIRE(::mount(directory_.c_str(), directory_.c_str(), nullptr, flags, nullptr) == 0);
    }

    std::string directory_;
};

} // namespace

TEST_CASE("the hosts file has the loopback, the machine itself and what is configured", "[boot]") {
    CHECK_THAT(boot::hosts_text(database, "box.example"),
               StartsWith("# Written by rouse.\n127.0.0.1 localhost\n") &&
                   ContainsSubstring("\n127.0.1.1 box.example box\n10.0.0.2 db.example db\n"));
    CHECK_THAT(boot::hosts_text({}, "box"), ContainsSubstring("\n127.0.1.1 box\n"));
    for (const char* const nobody : {"", "(none)", "localhost"})
        CHECK_THAT(boot::hosts_text({}, nobody), !ContainsSubstring("127.0.1.1"));
}

TEST_CASE("a hosts file that says anything stays unless entries are configured", "[boot]") {
    const test::TemporaryDirectory directory;
    const NamePlaces places{.etc = directory.path(), .covers = directory.path() / "covers"};
    const std::string file = places.etc + "/hosts";
    CHECK(ok(boot::write_hosts({}, places)));
    CHECK_THAT(content(file), ContainsSubstring("localhost"));
    std::ofstream(file) << "10.0.0.9 kept\n";
    CHECK(boot::write_hosts({}, places).steps().empty());
    CHECK(content(file) == "10.0.0.9 kept\n");
    std::ofstream(file) << " \n";
    CHECK(ok(boot::write_hosts({}, places)));
    CHECK_THAT(content(file), ContainsSubstring("localhost"));
    CHECK(ok(boot::write_hosts(database, places)));
    CHECK_THAT(content(file), ContainsSubstring("10.0.0.2 db.example db\n"));
}

TEST_CASE("resolv.conf is written where anything is configured", "[boot]") {
    const test::TemporaryDirectory directory;
    const NamePlaces places{.etc = directory.path(), .covers = directory.path() / "covers"};
    CHECK(boot::write_resolv_conf({}, places).steps().empty());
    const proto::Dns dns{.servers = {*proto::parse_ip("10.0.0.1")}, .search = {"a", "b"}};
    CHECK(ok(boot::write_resolv_conf(dns, places)));
    CHECK(content(places.etc + "/resolv.conf") ==
          "# Written by rouse.\nsearch a b\nnameserver 10.0.0.1\n");
}

TEST_CASE("on a read-only root files are covered, and links are followed into what is not",
          "[boot]") {
    test::in_own_namespaces([] {
        const test::TemporaryDirectory directory;
        const std::string etc = directory.path() / "etc";
        const std::string run = directory.path() / "run";
        std::filesystem::create_directory(etc);
        std::ofstream(etc + "/hosts") << "10.0.0.9 old\n";
        // As an image with a resolver of its own has it: nothing is there before that runs.
        std::filesystem::create_symlink("../run/resolve/stub.conf", etc + "/resolv.conf");
        const ReadOnly root(etc);
        const NamePlaces places{.etc = etc, .covers = run + "/rouse/etc"};

        CHECK(ok(boot::write_hosts(database, places)));
        CHECK_THAT(content(etc + "/hosts"), ContainsSubstring("10.0.0.2 db.example db\n"));
        const proto::Dns dns{.servers = {*proto::parse_ip("10.0.0.1")}, .search = {}};
        CHECK(ok(boot::write_resolv_conf(dns, places)));
        CHECK_THAT(content(etc + "/resolv.conf"), ContainsSubstring("nameserver 10.0.0.1\n"));
        CHECK_THAT(content(run + "/resolve/stub.conf"), ContainsSubstring("nameserver 10.0.0.1"));

        CHECK(sys::unmount(etc + "/hosts").has_value());
        CHECK(sys::unmount(etc).has_value());
    });
}

TEST_CASE("the machine is called what the configuration says, or else its file", "[boot]") {
    test::in_own_namespaces([] {
        const test::TemporaryDirectory directory;
        const NamePlaces places{.etc = directory.path(), .covers = directory.path() / "covers"};
        const std::string before = sys::hostname();
        CHECK(boot::set_hostname("", places).steps().empty());
        CHECK(sys::hostname() == before);
        std::ofstream(places.etc + "/hostname") << "of-the-file\nrest\n";
        CHECK(ok(boot::set_hostname("", places)));
        CHECK(sys::hostname() == "of-the-file");
        CHECK(ok(boot::set_hostname("configured", places)));
        CHECK(sys::hostname() == "configured");
        CHECK_FALSE(ok(boot::set_hostname(std::string(65, 'x'), places)));
    });
}

TEST_CASE("settings of the kernel are written to their files, and a wrong one is told", "[boot]") {
    const test::TemporaryDirectory directory;
    const std::string root = directory.path();
    std::filesystem::create_directories(root + "/net/ipv4/conf/eth0");
    std::filesystem::create_directories(root + "/vm");
    for (const char* const file : {"/vm/swappiness", "/net/ipv4/conf/eth0/rp_filter"})
        std::ofstream(root + file) << "0\n";
    const std::map<std::string, std::string> sysctls{
        {"vm.swappiness", "60"}, {"vm.nothing", "1"}, {"net.ipv4.conf.eth0.rp_filter", "2"}};
    const boot::Report report = boot::set_sysctls(sysctls, "", root);
    REQUIRE(report.steps().size() == 2);
    CHECK(report.steps()[0].name == "sysctl vm.nothing");
    CHECK(report.steps()[0].message == "No such file or directory");
    CHECK(content(root + "/vm/swappiness") == "60\n");
    CHECK(content(root + "/net/ipv4/conf/eth0/rp_filter") == "0\n");
    CHECK(ok(boot::set_sysctls(sysctls, "eth0", root)));
    CHECK(content(root + "/net/ipv4/conf/eth0/rp_filter") == "2\n");
}

TEST_CASE("a setting of one interface is told from those of all", "[boot]") {
    CHECK(boot::interface_of_sysctl("net.ipv4.conf.eth0.rp_filter") == "eth0");
    CHECK(boot::interface_of_sysctl("net/ipv6/neigh/eth0.1/gc_stale_time") == "eth0.1");
    for (const char* const name : {"net.ipv4.conf.all.rp_filter", "net.ipv6.conf.default.accept_ra",
                                   "net.ipv4.ip_forward", "vm.swappiness", "net.ipv4.conf.eth0"})
        CHECK(boot::interface_of_sysctl(name).empty());
}
