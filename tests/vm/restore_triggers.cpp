// What a restored guest is told of it by its kernel and its VMM: the lines of vmgenid and vmclock,
// genuine ones, and another CID. The vsock device is plugged out and in, which is no matter here.
#include "tests/support/wait.hpp"
#include "tests/vm/guest.hpp"
#include "tools/lab/places.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fmt/format.h>

#include <sstream>

using namespace rouse;
using test::Collected;

namespace {

constexpr const char* watch_path = "/bin/rouse-watch";

lab::MachineOptions watching_guest(const std::string& kernel) {
    auto options =
        test::agent_options(kernel, test::workload_config({{"argv", {watch_path}}}, "stay"));
    options.rig = lab::Rig::tcg;
    options.files.push_back({.source = lab::build_product("tests/vm/rouse-watch"),
                             .destination = watch_path + 1,
                             .mode = 0755});
    if (kernel == "7.2") {
        options.devices = {"vmclock"};
        options.modules = {"ptp_vmclock"};
    }
    return options;
}

/// The lines of what was written in any generation, as far as they are whole.
std::vector<boost::json::object> lines_of(const Collected& collected,
                                          const std::string& generation) {
    std::vector<boost::json::object> lines;
    std::istringstream text(collected.bytes(generation, "stdout"));
    for (std::string line; std::getline(text, line) && !text.eof();)
        lines.push_back(boost::json::parse(line).as_object());
    return lines;
}

/// Waits for a line with this member; its other members.
boost::json::object wait_line(const Collected& collected, const std::string& generation,
                              const std::string& member, const std::string& text) {
    boost::json::object found;
    const auto is_there = [&] {
        for (const boost::json::object& line : lines_of(collected, generation))
            if (line.contains(member) && line.at(member) == boost::json::value(text)) found = line;
        return !found.empty();
    };
    test::wait_until(
        is_there,
        [&] {
            return fmt::format("no {} {} in: {}", member, text,
                               collected.bytes(generation, "stdout"));
        },
        test::patience);
    return found;
}

} // namespace

TEST_CASE("a genuine restore is told by vmgenid, by vmclock where there is one, and by the CID",
          "[agent][vm]") {
    const std::string kernel = GENERATE("6.12", "7.2");
    INFO("kernel " << kernel);
    const bool has_vmclock = kernel == "7.2";
    const test::TemporaryDirectory folder;
    const auto snapshot = folder.path() / "saved";
    const lab::MachineOptions options = watching_guest(kernel);
    {
        test::Guest source(options);
        (void)source.collected().wait_event("output_connected");
        const std::string generation = source.generation();
        CHECK(wait_line(source.collected(), generation, "source", "vmgenid").at("state") ==
              "watching");
        const auto clock = wait_line(source.collected(), generation, "source", "vmclock");
        INFO(boost::json::serialize(clock));
        CHECK(clock.at("state") == (has_vmclock ? "watching" : "unavailable"));
        // QEMU's device counts disruptions only and rings no bell.
        if (has_vmclock) CHECK(clock.at("mode") == "timer");
        source.machine().snapshot(snapshot);
    }
    lab::RestoreOptions restoring;
    restoring.rig = lab::Rig::tcg;
    restoring.snapshot = snapshot;
    restoring.collect = folder.path() / "restored";
    restoring.ready = lab::Ready::none;
    restoring.devices = options.devices;
    lab::Machine machine = lab::Machine::restore(restoring);
    const Collected collected(restoring.collect);
    (void)collected.wait_event("output_connected");
    const std::string& generation = machine.generation();
    const auto fork = wait_line(collected, generation, "signal", "vmgenid");
    CHECK(fork.at("value") == "1");
    CHECK(fork.at("means") == "restore");
    CHECK(wait_line(collected, generation, "signal", "cid").at("means") == "loss");
    if (!has_vmclock) return;
    const auto disruption = wait_line(collected, generation, "signal", "vmclock");
    CHECK(disruption.at("means") == "loss");
    CHECK(disruption.at("value").as_string().starts_with("disruption "));
}
