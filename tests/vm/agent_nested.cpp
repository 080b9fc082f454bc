// The genuine article: kernel vhost-vsock, and QEMU's own transport reset after a restore. These
// run where KVM and vhost-vsock work: on this machine, or in the nested rig, in which the hidden
// test cases of this very program run.
#include "tests/vm/restored.hpp"
#include "tools/lab/places.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Collected;

namespace {

constexpr auto nested_limit = std::chrono::minutes(6);

} // namespace

TEST_CASE("genuine vhost-vsock: restored machines answer at once and go on with their output",
          "[.][genuine]") {
    // The kernel without a VM generation id; agent_restores.cpp has the others.
    const std::string kernel = "6.1";
    INFO("kernel " << kernel);
    const test::TemporaryDirectory folder;
    const auto snapshot = folder.path() / "saved";
    test::LastingSessions sessions;
    test::Incarnation parent;
    {
        test::Guest source(test::genuine_options(kernel, test::payload_config({"trickle"})));
        (void)source.collected().wait_event("output_connected");
        const std::string generation = source.generation();
        test::wait_until(
            [&] { return source.collected().size(generation, "stdout") > (1U << 20U); },
            [] { return std::string("the workload's output does not arrive"); }, test::patience);
        (void)test::check_parallel_execs(source.endpoint().target());
        sessions.begin(source.endpoint());
        // By surprise: what was on its way then is sent again.
        (void)source.machine().snapshot(snapshot, {.prepare = lab::Prepare::nobody});
        parent = test::incarnation(source.collected(), generation);
        test::check_sequence(source.collected(), generation, "stdout", 1);
        test::check_sequence(source.collected(), generation, "stderr", 2);
    }
    test::RestoreChecks checks;
    for (const std::string name : {"first", "second"}) {
        INFO(name << " restore");
        lab::RestoreOptions options;
        options.name = name;
        options.snapshot = snapshot;
        options.collect = folder.path() / name;
        options.ready = lab::Ready::none;
        lab::Machine machine = lab::Machine::restore(options);
        const Collected collected(options.collect);
        checks.check(machine, collected, parent);
        test::LastingSessions(sessions).go_on(test::Endpoint::guest(machine.target()));
        test::check_fork(collected, machine.generation(), parent, 1U << 20U);
        machine.kill();
    }
}

TEST_CASE("genuine vhost-vsock: a machine that powers off has delivered everything",
          "[.][genuine]") {
    const std::string kernel = GENERATE("6.1", "6.12");
    INFO("kernel " << kernel);
    test::check_power_off(test::genuine_options(kernel, test::power_off_config()));
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
               ContainsSubstring("All tests passed") && ContainsSubstring("3 test cases"));
}
