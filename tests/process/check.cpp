// `rousectl check`: what is wrong with a configuration, said before a guest reads it.
#include "initramfs/file.hpp"
#include "tests/support/command.hpp"
#include "tests/support/connection.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tools/lab/places.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace rouse;

namespace {

test::Said check(const std::string& text, const std::string& command_line = {}) {
    const test::TemporaryDirectory folder;
    const auto file = folder.path() / "config.json";
    initramfs::write_file(file, text);
    std::vector<std::string> argv{lab::build_product("tools/rousectl").string(), "check",
                                  file.string()};
    if (!command_line.empty()) argv.insert(argv.end(), {"--command-line", command_line});
    test::Said said = test::run_command(argv, test::patience);
    // The place is the test's own.
    for (std::size_t at = said.output.find(file.string()); at != std::string::npos;
         at = said.output.find(file.string()))
        said.output.replace(at, file.string().size(), "FILE");
    return said;
}

} // namespace

TEST_CASE("rousectl check says nothing about a configuration that is right", "[check][process]") {
    for (const char* const text :
         {"{}", R"({"workload": {"argv": ["/bin/true"]}, "restart": {"policy": "always"}})",
          R"({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["sh"]}})"}) {
        const test::Said said = check(text, "quiet rouse.hostname=h");
        CHECK(said.status == 0);
        CHECK(said.output == "");
        CHECK(said.error == "");
    }
}

TEST_CASE("rousectl check says everything that is wrong, each with its place", "[check][process]") {
    const test::Said said =
        check(R"({"workload": {"argv": [7]}, "restart": {"policy": "perhaps"}, "colour": "red"})",
              "rouse.stop_signal=STOP_IT rouse.shape=round");
    CHECK(said.status == 1);
    CHECK(
        said.output ==
        "FILE: error: $.workload.argv[0]: must be a string\n"
        "FILE: error: $.restart.policy: must be no, on-failure or always\n"
        "FILE: warning: $.colour: is not a known key\n"
        "kernel command line: error: rouse.stop_signal: must be a signal: \"SIGTERM\", \"TERM\" or "
        "15\n"
        "kernel command line: warning: rouse.shape: is not a known key\n");
}

TEST_CASE("an unknown key alone is no error for rousectl check", "[check][process]") {
    const test::Said said = check(R"({"colour": "red"})");
    CHECK(said.status == 0);
    CHECK(said.output == "FILE: warning: $.colour: is not a known key\n");
}

TEST_CASE("rousectl check says when there is nothing to look at", "[check][process]") {
    const test::Said said = test::run_command(
        {lab::build_product("tools/rousectl").string(), "check", "/nonexistent/config.json"},
        test::patience);
    CHECK(said.status == 125);
    CHECK(said.error == "rousectl: cannot read '/nonexistent/config.json'\n");
}
