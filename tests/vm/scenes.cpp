#include "tests/vm/scenes.hpp"

#include "tests/support/sequence.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

using Catch::Matchers::ContainsSubstring;

namespace rouse::test {
namespace {

constexpr std::uint64_t stdout_bytes = 8U << 20U;
constexpr std::uint64_t stderr_bytes = 2U << 20U;
/// What the workload says before it waits for its signal; its sequence follows.
constexpr std::string_view first_line = "waiting\n";

} // namespace

std::string power_off_config() {
    return payload_config({"after-usr1", "sequence", "stdout", std::to_string(stdout_bytes),
                           "stderr", std::to_string(stderr_bytes)});
}

void check_power_off(lab::MachineOptions options) {
    Guest guest(std::move(options));
    const Collected& collected = guest.collected();
    (void)collected.wait_event("output_connected");
    const auto workload = number_at(status(guest.endpoint()), "/workload/pid");
    Command running(guest.exec_command(payload({"tell-signals"})));
    wait_until([&] { return running.output() == "listening\n"; }, [&] { return running.error(); },
               patience);

    const Said told = run_command(
        guest.exec_command({"sh", "-c", fmt::format("echo telling; kill -USR1 {}", workload)}),
        patience);
    CHECK(told.status == 0);
    CHECK(told.output == "telling\n");
    guest.machine().wait_exit(std::chrono::minutes(1));

    // The command that still ran was told to end, and its client heard about it.
    const Said ended = running.finish(patience);
    INFO(ended.error);
    CHECK_THAT(ended.output, ContainsSubstring("15\n"));
    CHECK(ended.status == 0);
    const auto exit = collected.wait_event("workload_exit");
    INFO(boost::json::serialize(exit));
    CHECK(number_at(exit, "/exit/code") == 0);
    const std::string generation = guest.generation();
    (void)collected.wait_end(generation, "stdout");
    (void)collected.wait_end(generation, "stderr");
    const std::string out = collected.bytes(generation, "stdout");
    const std::string err = collected.bytes(generation, "stderr");
    REQUIRE(out.starts_with(first_line));
    CHECK(out.size() == stdout_bytes + first_line.size());
    CHECK(matching_sequence(1, 0, std::span(out).subspan(first_line.size())) == stdout_bytes);
    CHECK(err.size() == stderr_bytes);
    CHECK(matching_sequence(2, 0, err) == stderr_bytes);
}

} // namespace rouse::test
