// Where the configuration comes from, and what happens to one that is wrong.

#include "agent/boot/load_config.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <fstream>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;

namespace {

boot::LoadedConfig load(const std::string& text, std::string_view command_line = "") {
    const test::TemporaryDirectory directory;
    const std::string file = directory.path() / "config.json";
    std::ofstream(file) << text;
    return boot::load_config(file, command_line);
}

} // namespace

TEST_CASE("without a file and without keys the defaults hold", "[boot]") {
    const auto loaded = boot::load_config("/nonexistent/config.json", "console=ttyS0 quiet");
    CHECK(loaded.config == proto::Config{});
    CHECK(loaded.errors.empty());
    CHECK(loaded.warnings.empty());
}

TEST_CASE("the kernel command line wins over the file", "[boot]") {
    const auto loaded = load(R"({"workload": {"argv": ["/bin/a"], "cwd": "/srv"},
                                 "hostname": "file"})",
                             "rouse.hostname=line rouse.workload=\"/bin/b -x\"");
    CHECK(loaded.errors.empty());
    CHECK(loaded.config.hostname == "line");
    CHECK(loaded.config.workload.argv == std::vector<std::string>{"/bin/b", "-x"});
    CHECK(loaded.config.workload.cwd == "/srv");
}

TEST_CASE("a file with an error is used in no part, and the message has the path", "[boot]") {
    const auto loaded = load(R"({"workload": {"argv": ["/bin/a", 7]}, "hostname": "file"})");
    CHECK(loaded.config == proto::Config{});
    REQUIRE(loaded.errors.size() == 1);
    CHECK_THAT(loaded.errors[0], ContainsSubstring("config.json: $.workload.argv[1]: "));
}

TEST_CASE("a file that is not JSON leaves a guest without a workload", "[boot]") {
    for (const char* const text : {"", "{", "[]", "nonsense", "{\"workload\": 3}"}) {
        CAPTURE(text);
        const auto loaded = load(text);
        CHECK(loaded.config.workload.argv.empty());
        CHECK_FALSE(loaded.errors.empty());
    }
}

TEST_CASE("unknown keys are warnings and the rest is used", "[boot]") {
    const auto loaded = load(R"({"hostname": "vm", "colour": "blue"})", "rouse.shape=round");
    CHECK(loaded.config.hostname == "vm");
    CHECK(loaded.errors.empty());
    REQUIRE(loaded.warnings.size() == 2);
    CHECK_THAT(loaded.warnings[0], ContainsSubstring("colour"));
    CHECK_THAT(loaded.warnings[1], ContainsSubstring("kernel command line: rouse.shape"));
}

TEST_CASE("a wrong key of the command line is told and not used", "[boot]") {
    const auto loaded = load("{}", "rouse.exec_port=many rouse.hostname=vm");
    CHECK(loaded.config.ports.exec == proto::Ports{}.exec);
    CHECK(loaded.config.hostname == "vm");
    REQUIRE(loaded.errors.size() == 1);
    CHECK_THAT(loaded.errors[0], ContainsSubstring("rouse.exec_port"));
}

TEST_CASE("a token comes from a file, and one that cannot be read lets nobody in", "[boot]") {
    const test::TemporaryDirectory directory;
    const std::string file = directory.path() / "token";
    const std::string config = "{\"token_file\": \"" + file + "\"}";
    const auto missing = load(config);
    CHECK(missing.token.size() >= 32);
    CHECK(load(config).token != missing.token);
    REQUIRE(missing.errors.size() == 1);
    CHECK_THAT(missing.errors.front(), ContainsSubstring(file) && ContainsSubstring("refuses"));
    std::ofstream(file) << "too short\n";
    CHECK(load(config).errors.size() == 1);
    std::ofstream(file) << "0123456789abcdef\nsecond line\n";
    CHECK(load(config).token == "0123456789abcdef");
    CHECK(load(config).errors.empty());
}
