// How a guest ends when somebody signals PID 1, or when PID 1 itself fails.
#include "tests/vm/guest.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <csignal>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Guest;

namespace {

/// A guest without a workload, which gets `signal` for its PID 1, and its console at its end.
std::string console_after(int signal) {
    Guest guest(test::agent_options("6.12", "{}"));
    // A moment later, when the answer to this is out.
    const auto sent = exec(
        guest.endpoint(),
        {"sh", "-c", fmt::format("(sleep 1; kill -{} 1) </dev/null >/dev/null 2>&1 &", signal)});
    CHECK(sent.exit->code == 0U);
    guest.machine().wait_exit(test::patience);
    return guest.machine().console_text();
}

} // namespace

TEST_CASE("a fault of PID 1 is said in a line, and ends the machine without a panic",
          "[agent][vm]") {
    const int signal = GENERATE(SIGSEGV, SIGABRT);
    INFO("signal " << signal);
    const std::string console = console_after(signal);
    CHECK_THAT(console,
               ContainsSubstring(fmt::format("rouse: fatal signal {} in PID 1, sent by process ",
                                             signal == SIGSEGV ? "SEGV" : "ABRT")));
    CHECK_THAT(console, ContainsSubstring(", powering off"));
    CHECK_THAT(console, !ContainsSubstring("Kernel panic"));
}

TEST_CASE("who signals PID 1 ends the machine in good order", "[agent][vm]") {
    struct Row {
        int signal;
        const char* last;
    };
    const int first_of_real_time = 34; // of the guest's C library (signal(7))
    const Row row =
        GENERATE_COPY(Row{SIGTERM, "rouse: powering off"}, Row{SIGINT, "rouse: rebooting"},
                      Row{first_of_real_time + 4, "rouse: powering off"});
    INFO("signal " << row.signal);
    CHECK_THAT(console_after(row.signal), ContainsSubstring(row.last));
}
