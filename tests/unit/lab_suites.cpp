// The sources file that reads other Debian suites from the machine's own mirror.
#include "initramfs/command.hpp"
#include "initramfs/file.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch_test_macros.hpp>

#include <stdexcept>
#include <string>

using namespace rouse;

namespace {

/// The apt configuration of some machine.
class Machine {
public:
    Machine() { std::filesystem::create_directories(etc_.path() / "sources.list.d"); }

    void add(const std::string& file, const std::string& content) {
        initramfs::write_file(etc_.path() / file, content);
    }

    /// What suites_file prints for these suites.
    [[nodiscard]] std::string file(const std::string& suites) const {
        return initramfs::command_output(
            {"env", "ROUSE_APT_ETC=" + etc_.path().string(), "bash", "-c",
             ". '" ROUSE_SOURCE_ROOT "/tools/lab/suites.sh' && suites_file " + suites});
    }

private:
    test::TemporaryDirectory etc_;
};

} // namespace

TEST_CASE("a deb822 source is repeated with another suite", "[lab]") {
    Machine machine;
    machine.add("sources.list.d/debian.sources", "Types: deb deb-src\n"
                                                 "# a comment inside\n"
                                                 "URIs: http://m/debian\n"
                                                 "Suites: bookworm bookworm-updates\n"
                                                 "Components: main contrib\n"
                                                 "Signed-By: /k.gpg\n"
                                                 "\n"
                                                 "Types: deb\n"
                                                 "URIs: http://m/security\n"
                                                 "Suites: bookworm-security\n"
                                                 "Components: main\n");
    REQUIRE(machine.file("sid bookworm-security") ==
            "deb [signed-by=/k.gpg] http://m/debian sid main\n"
            "deb http://m/security bookworm-security main\n");
}

TEST_CASE("a one-line source is repeated with another suite", "[lab]") {
    Machine machine;
    machine.add("sources.list", "# deb http://old/debian bookworm main\n"
                                "deb-src http://m/debian bookworm main\n"
                                "deb [arch=amd64 signed-by=/k.gpg] http://m/debian bookworm main\n"
                                "deb http://m/security bookworm-security main # fixes\n");
    REQUIRE(machine.file("bookworm-backports") ==
            "deb [signed-by=/k.gpg] http://m/debian bookworm-backports main\n");
    REQUIRE(machine.file("bookworm-security") == "deb http://m/security bookworm-security main\n");
}

TEST_CASE("a disabled source and another project's are not used", "[lab]") {
    Machine machine;
    machine.add("sources.list.d/a.sources",
                "Types: deb\nURIs: http://off/debian\nSuites: bookworm\n"
                "Components: main\nEnabled: no\n");
    machine.add("sources.list.d/b.list", "deb http://other/node nodistro main\n");
    machine.add("sources.list.d/c.list.disabled", "deb http://off/debian bookworm main\n");
    REQUIRE_THROWS_AS(machine.file("sid"), std::runtime_error);
    machine.add("sources.list.d/d.list", "deb http://on/debian bookworm main\n");
    REQUIRE(machine.file("sid") == "deb http://on/debian sid main\n");
}

TEST_CASE("a machine without security updates still reads the other suites", "[lab]") {
    Machine machine;
    machine.add("sources.list", "deb http://m/debian bookworm main\n");
    REQUIRE(machine.file("bookworm bookworm-security") == "deb http://m/debian bookworm main\n");
}
