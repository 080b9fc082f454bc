// What all streams of a service may take together.
#include "agent/output/output_service.hpp"
#include "tests/support/run_until.hpp"

#include <catch2/catch_test_macros.hpp>

#include <vector>

#include <unistd.h>

using namespace rouse;

TEST_CASE("all streams together stay inside the budget, with smaller pipes if need be",
          "[output]") {
    boost::asio::io_context io;
    io::TaskGroup tasks(io.get_executor(), [](const std::string&, const std::string&) {});
    io::ConnectionRegistry registry;
    io::MemoryBudget memory(3 * 1024 * 1024);
    const output::OutputCallbacks callbacks{
        .warn = [](const std::string&) {},
        .event = [](const std::string&, const boost::json::object&) {}};
    {
        output::OutputService service(io.get_executor(), tasks, registry, memory, {}, callbacks);
        REQUIRE(service.open(::getuid(), ::getgid()).has_value());
        const std::vector<output::RelayStatus> relays = service.status();
        REQUIRE(relays[0].capacity == 1024 * 1024);
        REQUIRE(relays[1].capacity == 256 * 1024);
        REQUIRE(memory.used() == relays[0].memory_share + relays[1].memory_share);
        REQUIRE(memory.used() <= memory.limit());
        REQUIRE(memory.refusals() == 2);
        tasks.cancel();
        REQUIRE(test::run_until(io, [&] { return tasks.size() == 0; }));
    }
    REQUIRE(memory.used() == 0);
    io::MemoryBudget nothing(1000);
    output::OutputService service(io.get_executor(), tasks, registry, nothing, {}, callbacks);
    REQUIRE(service.open(::getuid(), ::getgid()).error() == sys::error_from(ENOBUFS));
    REQUIRE(nothing.used() == 0);
}
