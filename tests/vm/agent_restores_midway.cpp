// A snapshot that is taken in the middle of a restore's chain. The hidden case runs with those of
// agent_restores.cpp.
#include "tests/vm/restored.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fmt/format.h>

#include <algorithm>

using namespace rouse;
using test::Collected;

namespace {

/// A machine of this snapshot, collected into a directory of its own.
lab::Machine restored_from(const std::filesystem::path& snapshot,
                           const std::filesystem::path& collect) {
    lab::RestoreOptions options;
    options.name = collect.filename().string();
    options.snapshot = snapshot;
    options.collect = collect;
    options.ready = lab::Ready::none;
    return lab::Machine::restore(options);
}

/// Whether the host has not heard the end of a restore's chain.
bool is_midway(const Collected& collected) {
    const auto events = collected.events();
    return std::ranges::none_of(events, [](const test::Event& event) {
        return event.at("type") == "confirm" &&
               test::text_at(event.at("report"), "/kind") == "restore";
    });
}

/// The chain of this life has brought its generation, the host can execute, and no byte of the
/// workload's is lost or comes twice.
void check_life(const lab::Machine& machine, const Collected& collected) {
    const std::string& generation = machine.generation();
    test::wait_output(collected, generation);
    (void)test::check_parallel_execs(machine.target());
    const auto event = collected.wait_event("confirm", [&](const test::Event& one) {
        return test::text_at(one.at("report"), "/generation") == generation;
    });
    INFO(boost::json::serialize(event));
    CHECK(test::text_at(event.at("report"), "/kind") == "restore");
    CHECK(test::text_at(event.at("report"), "/state") == "complete");
    test::check_connections(test::Endpoint::guest(machine.target()));
    constexpr std::uint64_t some = 16384;
    test::wait_until([&] { return collected.size(generation, "stdout") > some; },
                     [] { return std::string("the restored workload's output stays away"); },
                     test::patience);
    test::check_sequence(collected, generation, "stdout", 1);
    test::check_sequence(collected, generation, "stderr", 2);
}

} // namespace

TEST_CASE("genuine vhost-vsock: a snapshot in the middle of the chain is restored as any other",
          "[.][restored]") {
    const std::string kernel = GENERATE("6.12", "7.2");
    INFO("kernel " << kernel);
    const test::TemporaryDirectory folder;
    {
        test::Guest source(test::genuine_options(kernel, test::payload_config({"trickle", "1K"})));
        (void)source.collected().wait_event("output_connected");
        (void)source.machine().snapshot(folder.path() / "first", {.prepare = lab::Prepare::guest});
    }
    unsigned midway = 0;
    for (const std::string moment : {"resume", "hello"}) {
        INFO("snapshot after " << moment);
        const auto middle = folder.path() / ("middle-" + moment);
        const auto before = folder.path() / ("before-" + moment);
        {
            lab::Machine machine = restored_from(folder.path() / "first", before);
            if (moment == "hello") (void)Collected(before).wait_event(moment);
            (void)machine.snapshot(middle, {.prepare = lab::Prepare::nobody});
        }
        midway += is_midway(Collected(before)) ? 1U : 0U;
        const auto after = folder.path() / ("after-" + moment);
        const lab::Machine machine = restored_from(middle, after);
        check_life(machine, Collected(after));
        std::filesystem::remove(middle);
    }
    CHECK(midway > 0);
    fmt::print("kernel {}, midway: {} of 2 snapshots in the middle of the chain\n", kernel, midway);
}
