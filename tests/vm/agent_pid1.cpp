// The agent as PID 1: what it starts with, whom it reaps, and how it says that the workload ended.
#include "proto/signal_names.hpp"
#include "tests/vm/guest.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <sstream>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Guest;
using test::payload;

namespace {

/// The name under which the kernel lists a module: the file's, with underscores.
std::string module_name(const std::string& path) {
    std::string name = path.substr(path.rfind('/') + 1);
    name.resize(name.find('.'));
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

} // namespace

TEST_CASE("PID 1 starts with every module loaded and no problem", "[agent][vm]") {
    const std::string kernel = GENERATE("6.1", "6.12");
    INFO("kernel " << kernel);
    Guest& guest = Guest::shared(kernel);
    const std::string loaded = exec(guest.endpoint(), {"cat", "/proc/modules"}).out.bytes;
    std::istringstream wanted(exec(guest.endpoint(), {"cat", "/etc/rouse/modules"}).out.bytes);
    unsigned modules = 0;
    for (std::string path; std::getline(wanted, path); ++modules)
        CHECK_THAT("\n" + loaded, ContainsSubstring("\n" + module_name(path) + " "));
    CHECK(modules >= 3);
    const auto status = test::status(guest.endpoint());
    INFO(boost::json::serialize(status));
    CHECK(test::number_at(status, "/pid") == 1);
    CHECK(status.at("problems").as_array().empty());
    CHECK_THAT(guest.machine().console_text(), !ContainsSubstring("rouse: warning"));
}

TEST_CASE("1 000 orphans and 300 children are reaped, every status right", "[agent][vm]") {
    const std::string kernel = GENERATE("6.1", "6.12");
    INFO("kernel " << kernel);
    Guest& guest = Guest::shared(kernel);
    const auto before = test::number_at(test::status(guest.endpoint()), "/reaper/orphans");

    // The orphans end while the children do: all in the hands of one reaper.
    std::vector<std::vector<std::string>> commands{payload({"orphans", "1000"})};
    for (int child = 0; child < 300; ++child)
        commands.push_back(child % 10 == 9 ? payload({"kill-self", child % 20 == 9 ? "9" : "15"})
                                           : payload({"exit", std::to_string(child % 256)}));
    const auto results = exec_all(guest.endpoint(), commands, commands.size());

    CHECK(results[0].out.bytes == "1000 orphans\n");
    for (int child = 0; child < 300; ++child) {
        const proto::ExecResult& result = results[static_cast<std::size_t>(child) + 1];
        INFO("child " << child << ": " << boost::json::serialize(proto::to_json(result)));
        const auto& exit = result.exit;
        REQUIRE(exit);
        if (child % 10 == 9)
            CHECK(exit->signal == (child % 20 == 9 ? 9U : 15U));
        else
            CHECK(exit->code == static_cast<std::uint64_t>(child % 256));
    }
    test::wait_status(guest.endpoint(), [&](const boost::json::value& status) {
        return test::number_at(status, "/reaper/orphans") == before + 1000;
    });
    CHECK(exec(guest.endpoint(), payload({"zombies"})).out.bytes == "0\n");
}

TEST_CASE("a parent in the guest gets the statuses of its own 300 children", "[agent][vm]") {
    const std::string kernel = GENERATE("6.1", "6.12");
    INFO("kernel " << kernel);
    const auto result = exec(Guest::shared(kernel).endpoint(), payload({"children", "300"}));
    CHECK(result.out.bytes == "300 of 300 statuses are right\n");
    CHECK(result.exit->code == 0U);
}

TEST_CASE("a workload that a signal killed is reported as such", "[agent][vm]") {
    const std::string kernel = GENERATE("6.1", "6.12");
    const int signal = GENERATE(SIGTERM, SIGKILL, SIGSEGV);
    INFO("kernel " << kernel << ", signal " << signal);
    Guest guest(kernel, test::payload_config({"kill-self", std::to_string(signal)}));
    const auto event = guest.collected().wait_event("workload_exit");
    INFO(boost::json::serialize(event));
    CHECK(test::number_at(event, "/exit/signal") == static_cast<std::uint64_t>(signal));
    CHECK(event.at("exit").at("code").is_null());
    guest.machine().wait_exit(test::patience);
    CHECK_THAT(
        guest.machine().console_text(),
        ContainsSubstring(fmt::format("signal {} ({})", signal, proto::signal_name(signal))));
}

TEST_CASE("a process of the guest that dials the exec port is refused and counted", "[agent][vm]") {
    const std::string kernel = GENERATE("6.1", "6.12");
    INFO("kernel " << kernel);
    Guest& guest = Guest::shared(kernel);
    const auto load = exec(guest.endpoint(), {"sh", "-c",
                                              "lsmod | grep -q vsock_loopback || insmod "
                                              "$(find /lib/modules -name 'vsock_loopback.ko')"});
    INFO(load.err.bytes);
    REQUIRE(load.exit->code == 0U);
    const auto refused = [&] {
        return test::number_at(test::status(guest.endpoint()), "/listener/refused");
    };
    const auto before = refused();
    // Each tries two addresses that lead back into the guest.
    for (const auto& words :
         {payload({"connect-loopback", "1001"}), payload({"connect-loopback", "1001", "1000"})}) {
        const auto result = exec(guest.endpoint(), words);
        INFO(result.out.bytes << result.err.bytes);
        CHECK(result.exit->code == 0U);
    }
    CHECK(refused() == before + 4);
    // All are counted; the ring gets one a second, which says how many it stands for.
    const std::string events = ask(guest.endpoint(), "GET", "/v1/events").body;
    CHECK_THAT(events, ContainsSubstring(R"("type":"connection_refused")"));
    CHECK_THAT(events, ContainsSubstring(R"("why":"not the host","suppressed":)"));
}
