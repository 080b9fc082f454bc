// The agent as PID 1 of user-mode Linux, reached through the scripted VMM.
#include "tests/uml/exactly_once.hpp"
#include "tests/uml/rig.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace rouse;
using uml::Rig;

TEST_CASE("a guest boots, says READY and runs commands for the host", "[uml]") {
    Rig rig({.profile = uml::qemu});
    rig.wait_ready();
    CHECK(rig.machine().console().wait("rouse: READY", -1, lab::Deadline(test::patience)) ==
          lab::ConsoleWait::found);
    const auto status = test::status(rig.endpoint());
    INFO(boost::json::serialize(status));
    CHECK(test::number_at(status, "/pid") == 1);
    const auto result = exec(rig.endpoint(), uml::payload({"say", "out", "err", "7"}));
    CHECK(result.exit->code == 7U);
}

TEST_CASE("a workload that ends powers the guest off, with its output and exit told", "[uml]") {
    constexpr std::uint64_t size = 1U << 20U;
    Rig rig({.profile = uml::firecracker,
             .config = uml::workload_config(
                 {"sequence", "stdout", std::to_string(size), "stderr", "4096"}, "poweroff")});
    REQUIRE(rig.machine().ends_within(std::chrono::minutes(1)));
    const auto exit = rig.collected().wait_event("workload_exit");
    CHECK(test::number_at(exit, "/exit/code") == 0);
    const std::string generation = rig.generation();
    for (const std::string_view stream : {"stdout", "stderr"}) {
        const auto record = rig.collected().wait_end(generation, stream);
        INFO(stream << ": " << boost::json::serialize(record));
        CHECK(test::text_at(record, "/eos") == "closed");
        CHECK(test::number_at(record, "/end") == (stream == "stdout" ? size : 4096));
        CHECK(uml::compare(rig.collected(), generation, stream) == "");
    }
}
