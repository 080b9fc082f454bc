// The nested rig: a command of this machine in an outer VM that has KVM.
#include "tests/vm/lab_support.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <chrono>
#include <csignal>
#include <string>

#include <poll.h>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("a nested command has KVM, its own streams and its own exit status", "[lab][vm]") {
    const test::LabCommand command;
    const std::string script = R"(test -c /dev/kvm && test -c /dev/vhost-vsock && echo "has $1"
        echo oops >&2
        touch /tmp/x /run/x && ! touch /usr/x
        exit 42)";
    const auto said = command.run(
        {"nested", "--timeout", "50", "--", "sh", "-c", script, "name", "it's \"both\""});
    INFO(said.error);
    REQUIRE(said.status == 42);
    REQUIRE(said.output == "has it's \"both\"\n");
    REQUIRE_THAT(said.error, ContainsSubstring("oops\n"));
}

TEST_CASE("every byte that a nested command writes arrives", "[lab][vm]") {
    const test::LabCommand command;
    const auto said = command.run({"nested", "--timeout", "50", "--", "seq", "300000"});
    REQUIRE(said.status == 0);
    std::string expected;
    for (int number = 1; number <= 300000; ++number)
        expected += std::to_string(number) + "\n";
    REQUIRE(said.output.size() == expected.size());
    REQUIRE(said.output == expected);
}

TEST_CASE("a nested command that takes too long, or is interrupted, is ended", "[lab][vm]") {
    const test::LabCommand command;
    const auto late = command.run({"nested", "--timeout", "3", "--", "sleep", "1000"});
    REQUIRE(late.status == 125);
    REQUIRE_THAT(late.error, ContainsSubstring("time limit"));
    lab::Process nested = command.start({"nested", "--", "sleep", "1000"});
    (void)poll(nullptr, 0, 3000); // into the boot of the outer VM
    nested.signal(SIGINT);
    const auto status = nested.wait(lab::Deadline(std::chrono::seconds(20)));
    REQUIRE(status.value_or(lab::ExitStatus{}).shell_code() == 128 + SIGINT);
}
