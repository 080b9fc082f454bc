// Exec over vsock, and what must still arrive when the machine powers off.
#include "tests/support/sequence.hpp"
#include "tests/vm/scenes.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fmt/format.h>

using namespace rouse;
using test::Guest;
using test::payload;

TEST_CASE("256 commands, 20 at a time, give their output and every exit code", "[agent][vm]") {
    const std::string kernel = GENERATE("6.1", "6.12");
    INFO("kernel " << kernel);
    const Guest& guest = Guest::shared(kernel);
    std::vector<std::vector<std::string>> commands;
    for (int code = 0; code < 256; ++code)
        commands.push_back(
            guest.exec_command(payload({"say", fmt::format("out {}", code),
                                        fmt::format("err {}", code), std::to_string(code)})));
    const auto said = test::run_commands(commands, 20, std::chrono::minutes(1));
    for (int code = 0; code < 256; ++code) {
        const auto& one = said[static_cast<std::size_t>(code)];
        CHECK(one.output == fmt::format("out {}", code));
        CHECK(one.error == fmt::format("err {}", code));
        CHECK(one.status == code);
    }
}

TEST_CASE("input goes to a command and comes back, byte by byte", "[agent][vm]") {
    const std::string kernel = GENERATE("6.1", "6.12");
    INFO("kernel " << kernel);
    const Guest& guest = Guest::shared(kernel);
    std::string input(60000, '\0');
    test::fill_sequence(0, 0, input);
    proto::ExecRequest request;
    request.command.argv = {"cat"};
    auto stream = test::FrameConnection::exec(guest.endpoint(), request);
    const auto result = run_stream(stream, input);
    CHECK(result.out == input);
    CHECK(result.exit->code == 0U);
}

TEST_CASE("exec, output and exit report are whole when the machine powers off", "[agent][vm]") {
    const std::string kernel = GENERATE("6.1", "6.12");
    INFO("kernel " << kernel);
    test::check_power_off(test::agent_options(kernel, test::power_off_config()));
}
