// Bad input from the host, at boot and afterwards: said clearly, and survived.
#include "tests/support/bad_input.hpp"
#include "tests/vm/guest.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Guest;

TEST_CASE("a guest refuses bad requests and frames in time and goes on serving", "[agent][vm]") {
    const std::string kernel = GENERATE("6.1", "6.12");
    INFO("kernel " << kernel);
    const Guest& guest = Guest::shared(kernel);
    CHECK(test::complaints(guest.endpoint(), test::bad_requests(), test::bad_frames(),
                           test::LastWords::may_be_lost) == std::vector<std::string>());
    CHECK(exec(guest.endpoint(), {"echo", "still here"}).out.bytes == "still here\n");
}

TEST_CASE("an unknown key of the kernel command line and a missing workload are said",
          "[agent][vm]") {
    auto options = test::agent_options("6.12", "{}");
    options.command_line = "rouse.frobnicate=1 rouse.stop_grace_ms=soon rouse.on_exit=stay "
                           "rouse.workload=\"/no/such/program one two\"";
    Guest guest(std::move(options));
    for (const std::string text : {"rouse.frobnicate", "rouse.stop_grace_ms", "/no/such/program"})
        CHECK_THAT(guest.machine().console_text(), ContainsSubstring(text));
    CHECK(exec(guest.endpoint(), {"echo", "still here"}).out.bytes == "still here\n");
}

TEST_CASE("a malformed configuration is reported by its JSON path, and the guest serves",
          "[agent][vm]") {
    auto options = test::agent_options(
        "6.12", R"({"workload": {"argv": ["/bin/true", 5]}, "ports": {"exec": "many"}})");
    Guest guest(std::move(options));
    for (const std::string path : {"$.workload.argv", "$.ports.exec"})
        guest.machine().wait_console(path, test::patience);
    CHECK(exec(guest.endpoint(), {"echo", "still here"}).out.bytes == "still here\n");
}
