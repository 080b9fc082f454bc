// A console that is gone: every write to it fails with EIO, as to a terminal that was hung up.
#include "tests/process/agent.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>

#include <fcntl.h>
#include <unistd.h>

using namespace rouse;
using test::AgentPlace;

namespace {

lab::Descriptor open_master() {
    lab::Descriptor master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(master.get() >= 0);
    REQUIRE(::grantpt(master.get()) == 0);
    REQUIRE(::unlockpt(master.get()) == 0);
    return master;
}

/// `rouse run -vv` with that terminal for its standard error alone: nobody's controlling terminal,
/// whose end would be a signal, too.
std::vector<std::string> agent_on(const std::string& terminal, const AgentPlace& place) {
    std::vector<std::string> argv{"/bin/sh", "-c", fmt::format("\"$@\" 2>>{}; exit $?", terminal),
                                  "sh"};
    for (std::string& word :
         test::rouse({"run", "-vv", "--socket", place.socket().string(), "--", "sleep", "100000"}))
        argv.push_back(std::move(word));
    return argv;
}

/// Nanoseconds that a process has had of a processor (Linux, sched-stats.rst).
std::uint64_t time_used(std::uint64_t pid) {
    std::ifstream file(fmt::format("/proc/{}/schedstat", pid));
    std::uint64_t nanoseconds = 0;
    REQUIRE(file >> nanoseconds);
    return nanoseconds;
}

} // namespace

TEST_CASE("an agent whose console fails with EIO goes on, counts its lines, and does not spin",
          "[log][process]") {
    const AgentPlace place;
    lab::Descriptor master = open_master();
    test::Command command(agent_on(::ptsname(master.get()), place));
    const test::Endpoint endpoint = place.endpoint();
    test::wait_until(
        [&] {
            try {
                return test::ask(endpoint, "GET", "/v1/ready").status == 200;
            } catch (const std::runtime_error&) {
                return false;
            }
        },
        [&] { return command.error(); }, test::patience);
    master.reset();
    const std::uint64_t before = test::number_at(test::status(endpoint), "/log_dropped");
    const std::uint64_t pid = test::number_at(test::status(endpoint), "/pid");
    const std::uint64_t used = time_used(pid);
    CHECK(test::exec(endpoint, {"sleep", "1"}).exit->code == 0U);
    CHECK(time_used(pid) - used < 500'000'000);
    for (int line = 0; line < 20; ++line)
        CHECK(test::exec(endpoint, {"true"}).exit->code == 0U);
    CHECK(test::number_at(test::status(endpoint), "/log_dropped") >= before + 20);
    CHECK(test::ask(endpoint, "POST", "/v1/shutdown").status == 202);
    CHECK(command.finish(test::patience).status == 143);
}
