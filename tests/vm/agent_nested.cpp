// The genuine article: kernel vhost-vsock, and QEMU's own transport reset after a restore. These
// run where KVM and vhost-vsock work: on this machine, or in the nested rig, in which the hidden
// test cases of this very program run.
#include "tests/support/sequence.hpp"
#include "tests/vm/scenes.hpp"
#include "tools/lab/places.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <set>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Collected;

namespace {

constexpr auto nested_limit = std::chrono::minutes(6);

lab::MachineOptions genuine_options(const std::string& kernel, std::string config) {
    auto options = test::agent_options(kernel, std::move(config));
    options.rig = lab::Rig::kvm;
    options.memory = 128;
    return options;
}

/// Waits until both streams of a generation have their output connection.
void wait_output(const Collected& collected, const std::string& generation) {
    for (const std::string_view stream : {"stdout", "stderr"})
        (void)collected.wait_event("output_connected", [&](const test::Event& event) {
            return event.at("stream") == boost::json::value(stream) &&
                   event.at("generation") == boost::json::value(generation);
        });
}

/// What arrived of a stream is its sequence, from where the record says that it starts.
void check_sequence(const Collected& collected, const std::string& generation,
                    const std::string& stream, std::uint64_t number) {
    INFO(generation << " " << stream);
    const auto start = test::number_at(collected.record(generation, stream), "/start");
    const std::string bytes = collected.bytes(generation, stream);
    CHECK(test::matching_sequence(number, start, bytes) == bytes.size());
}

/// Ten commands at once, none of them tried twice.
void check_parallel_execs(const std::string& target) {
    std::vector<std::vector<std::string>> commands;
    for (int number = 0; number < 10; ++number)
        commands.push_back({lab::build_product("tools/rousectl").string(), "-H", target, "exec",
                            "--", std::string(test::payload_path), "say",
                            fmt::format("out {}", number), "err", std::to_string(100 + number)});
    const auto said = test::run_commands(commands, commands.size(), std::chrono::minutes(1));
    for (int number = 0; number < 10; ++number) {
        const auto& one = said[static_cast<std::size_t>(number)];
        INFO("command " << number << ": " << one.error);
        CHECK(one.status == 100 + number);
        CHECK(one.output == fmt::format("out {}", number));
        CHECK(one.error == "err");
    }
}

} // namespace

TEST_CASE("genuine vhost-vsock: restored machines answer at once and go on with their output",
          "[.][genuine]") {
    const std::string kernel = GENERATE("6.1", "6.12");
    INFO("kernel " << kernel);
    const test::TemporaryDirectory folder;
    const auto snapshot = folder.path() / "saved";
    std::string parent;
    std::uint64_t parent_end = 0;
    test::LastingSessions sessions;
    {
        test::Guest source(genuine_options(kernel, test::payload_config({"trickle"})));
        (void)source.collected().wait_event("output_connected");
        parent = source.generation();
        test::wait_until([&] { return source.collected().size(parent, "stdout") > (1U << 20U); },
                         [] { return std::string("the workload's output does not arrive"); },
                         test::patience);
        check_parallel_execs(source.endpoint().target());
        sessions.begin(source.endpoint());
        source.machine().snapshot(snapshot);
        parent_end = source.collected().size(parent, "stdout");
        check_sequence(source.collected(), parent, "stdout", 1);
        check_sequence(source.collected(), parent, "stderr", 2);
    }
    std::set<std::string> generations{parent};
    for (const std::string name : {"first", "second"}) {
        INFO(name << " restore");
        lab::RestoreOptions options;
        options.name = name;
        options.snapshot = snapshot;
        options.collect = folder.path() / name;
        options.ready = lab::Ready::none;
        lab::Machine machine = lab::Machine::restore(options);
        const Collected collected(options.collect);
        wait_output(collected, machine.generation());
        check_parallel_execs(machine.target());
        sessions.go_on(test::Endpoint::guest(machine.target()));

        CHECK(generations.insert(machine.generation()).second);
        const auto report = collected.wait_event("confirm").at("report");
        INFO(boost::json::serialize(report));
        CHECK(test::text_at(report, "/kind") == "restore");
        CHECK(test::text_at(report, "/exec") == "proven");
        CHECK(test::text_at(report, "/generation") == machine.generation());
        CHECK(test::text_at(report, "/parent_generation") == parent);
        const auto start =
            test::number_at(collected.record(machine.generation(), "stdout"), "/start");
        CHECK(start <= parent_end);
        test::wait_until(
            [&] {
                return start + collected.size(machine.generation(), "stdout") >
                       parent_end + (1U << 20U);
            },
            [] { return std::string("the restored workload's output does not arrive"); },
            test::patience);
        check_sequence(collected, machine.generation(), "stdout", 1);
        check_sequence(collected, machine.generation(), "stderr", 2);
        machine.kill();
    }
}

TEST_CASE("genuine vhost-vsock: a machine that powers off has delivered everything",
          "[.][genuine]") {
    const std::string kernel = GENERATE("6.1", "6.12");
    INFO("kernel " << kernel);
    test::check_power_off(genuine_options(kernel, test::power_off_config()));
}

TEST_CASE("exec and output survive a genuine restore, and a power-off loses nothing",
          "[agent][vm]") {
    // The program that runs now, once more, with the hidden cases.
    std::vector<std::string> command{lab::build_product("tests/vm/rouse-vm").string(), "[genuine]"};
    const auto choice = lab::choose_rig();
    INFO("rig " << lab::rig_name(choice.rig) << ": " << choice.reason);
    if (choice.rig != lab::Rig::kvm)
        command.insert(command.begin(),
                       {lab::build_product("tools/rouse-lab").string(), "nested", "--timeout",
                        std::to_string(std::chrono::seconds(nested_limit).count()), "--"});
    const auto said = test::run_command(command, nested_limit + std::chrono::minutes(1));
    INFO(said.output << said.error);
    CHECK(said.status == 0);
    CHECK_THAT(said.output,
               ContainsSubstring("All tests passed") && ContainsSubstring("2 test cases"));
}
