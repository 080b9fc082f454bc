// When a workload is ready, what it waits for, and who is told.
#include "tests/process/workload_scene.hpp"
#include "tests/support/wait.hpp"
#include "tools/lab/identity.hpp"
#include "tools/lab/places.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Agent;
using test::AgentPlace;
using test::await_state;
using test::events_of;
using test::output_of;
using test::shell;

namespace {

void await_ready(const Agent& agent) {
    test::wait_status(agent.endpoint(), [](const boost::json::value& status) {
        return status.at_pointer("/workload/ready").as_bool();
    });
}

/// As a service of systemd says it.
void notify(const std::string& socket, const std::string& text) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket.copy(address.sun_path, sizeof address.sun_path - 1);
    if (socket.front() == '@') address.sun_path[0] = '\0';
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket.size());
    const auto* const where = reinterpret_cast<const sockaddr*>(&address);
    const ssize_t sent = ::sendto(fd, text.data(), text.size(), 0, where, size);
    (void)::close(fd); // It was ours alone.
    REQUIRE(sent == static_cast<ssize_t>(text.size()));
}

/// An agent whose workload has a notification socket, and says nothing on it by itself.
Agent notified_agent(const AgentPlace& place) {
    return {place, shell("printf %s \"$NOTIFY_SOCKET\"; exec sleep 1000"),
            R"({"ready": {"notify": true}})"};
}

/// Where that socket is, once the workload runs.
std::string notify_socket(const Agent& agent) {
    await_state(agent, "running");
    test::wait_status(agent.endpoint(), [](const boost::json::value& status) {
        return test::number_at(status, "/output/0/read") > 0;
    });
    return output_of(agent, test::number_at(test::status(agent.endpoint()), "/output/0/read"));
}

} // namespace

TEST_CASE("a workload is ready when it says so on its notification socket", "[workload][process]") {
    const AgentPlace place;
    const Agent agent = notified_agent(place);
    const std::string socket = notify_socket(agent);
    CHECK_FALSE(test::status(agent.endpoint()).at_pointer("/workload/ready").as_bool());
    CHECK_THAT(events_of(agent), !ContainsSubstring("workload_ready"));
    notify(socket, "STATUS=warming up");
    test::wait_status(agent.endpoint(), [](const boost::json::value& status) {
        return status.at("workload").as_object().contains("status");
    });
    CHECK_THAT(events_of(agent), ContainsSubstring("warming up"));
    notify(socket, "READY=1");
    await_ready(agent);
    CHECK_THAT(events_of(agent), ContainsSubstring("workload_ready"));
}

TEST_CASE("a workload that counts its progress in STATUS= is heard once a second",
          "[workload][process]") {
    constexpr int steps = 200;
    const AgentPlace place;
    const Agent agent = notified_agent(place);
    const std::string socket = notify_socket(agent);
    const auto began = std::chrono::steady_clock::now();
    for (int step = 1; step <= steps; ++step)
        notify(socket, fmt::format("STATUS=step {}.", step));
    const std::string last = fmt::format("step {}.", steps);
    test::wait_status(agent.endpoint(), [&](const boost::json::value& status) {
        return test::text_at(status, "/workload/status") == last;
    });
    test::wait_until([&] { return events_of(agent).find(last) != std::string::npos; },
                     [] { return "the newest is not told"; }, test::patience);
    const auto took = std::chrono::steady_clock::now() - began;
    const std::string events = events_of(agent);
    std::istringstream lines(events);
    std::ptrdiff_t told = 0;
    for (std::string line; std::getline(lines, line);)
        if (line.find("workload_status") != std::string::npos) ++told;
    CHECK_THAT(events, ContainsSubstring("step 1."));
    CHECK(told <= 1 + std::chrono::ceil<std::chrono::seconds>(took).count());
    CHECK(took >= std::chrono::seconds(1));
}

TEST_CASE("a workload is ready when a command says so", "[workload][process]") {
    const AgentPlace place;
    const std::string mark = (place.folder() / "mark").string();
    const Agent agent(
        place, shell("exec sleep 1000"),
        fmt::format(
            R"({{"ready": {{"command": ["/bin/sh", "-c", "test -e {}"], "interval_ms": 10}}}})",
            mark));
    await_state(agent, "running");
    CHECK_FALSE(test::status(agent.endpoint()).at_pointer("/workload/ready").as_bool());
    std::ofstream(mark) << "there\n";
    await_ready(agent);
}

TEST_CASE("a workload is ready when something listens on its port", "[workload][process]") {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const where = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(fd, where, sizeof address) == 0);
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(fd, where, &size) == 0);
    const AgentPlace place;
    const Agent agent(
        place, shell("exec sleep 1000"),
        fmt::format(R"({{"ready": {{"tcp": {}, "interval_ms": 10}}}})", ntohs(address.sin_port)));
    await_state(agent, "running");
    CHECK_FALSE(test::status(agent.endpoint()).at_pointer("/workload/ready").as_bool());
    REQUIRE(::listen(fd, 1) == 0);
    await_ready(agent);
    (void)::close(fd); // It was ours alone.
}

TEST_CASE("a workload that is not ready in time is stopped", "[workload][process]") {
    const AgentPlace place;
    Agent agent(place, shell("trap 'exit 9' TERM; while :; do sleep 0.05; done"),
                R"({"ready": {"notify": true, "timeout_ms": 300}})");
    const test::Said said = agent.finish();
    CHECK(said.status == 9);
    CHECK_THAT(said.error, ContainsSubstring("not ready after 300 ms"));
}

TEST_CASE("a workload waits for the boot document where the configuration says so",
          "[workload][process]") {
    const AgentPlace place;
    const Agent agent(place, {}, R"({"boot": "link", "workload": {"env": {"A": "1", "B": "1"}}})");
    const auto give = [&](const std::string& config) {
        return test::ask(agent.endpoint(), "POST", "/v1/restore", R"({"config": )" + config + "}");
    };
    CHECK(give("[]").status == 400);
    CHECK(give(R"({"ports": {"exec": 7}})").status == 200);
    CHECK_THAT(events_of(agent),
               ContainsSubstring("boot document: $.ports: comes too late in a boot document"));
    CHECK(test::text_at(test::status(agent.endpoint()), "/workload/state") == "none");
    CHECK(give(R"({"workload": {"argv": ["/bin/sh", "-c", "echo $A $B; exec sleep 1000"],
                                "env": {"B": "2"}}})")
              .status == 200);
    await_state(agent, "running");
    CHECK(output_of(agent, 4) == "1 2\n");
    // Another one comes too late.
    CHECK(give(R"({"workload": {"argv": ["/bin/false"]}})").status == 200);
    await_state(agent, "running");
}

TEST_CASE("a workload that a restore brings starts when the restore is done",
          "[workload][restore][process]") {
    const AgentPlace place;
    // The document waits before it is applied, and the gate is shut meanwhile.
    const Agent agent(place, {}, R"({"boot": "link"})",
                      {{"ROUSE_FAILPOINTS", "restore-before-apply=1"}});
    const std::string generation = lab::random_uuid();
    CHECK(test::ask(agent.endpoint(), "POST", "/v1/restore",
                    fmt::format(R"({{"generation": "{}", "config": {{"workload":
                                    {{"argv": ["/bin/sleep", "1000"]}}}}}})",
                                generation))
              .status == 200);
    await_state(agent, "running");
    const std::string events = events_of(agent);
    INFO(events);
    REQUIRE_THAT(events, ContainsSubstring("restore-before-apply"));
    const std::size_t done = events.rfind("\"type\":\"chain_ended\"");
    REQUIRE(done != std::string::npos);
    CHECK(events.substr(done).find(generation) != std::string::npos);
    CHECK(events.find("\"type\":\"boot_document\"") > done);
    CHECK(events.find("\"type\":\"workload_started\"") > done);
}

TEST_CASE("the host's answer on the link has the boot document", "[workload][process]") {
    const AgentPlace place;
    const test::TemporaryDirectory folder;
    const auto document = folder.path() / "document.json";
    std::ofstream(document) << R"({"config": {"workload": {"argv": ["/bin/sleep", "1000"]}}})";
    test::Command collector({lab::build_product("tools/rousectl").string(), "-H",
                             place.endpoint().target(), "collect", "--output",
                             folder.path().string(), "--restore-document", document.string()});
    const Agent agent(place, {}, R"({"boot": "link"})");
    await_state(agent, "running");
    CHECK_THAT(events_of(agent), ContainsSubstring("boot document of the link"));
    collector.process().signal(SIGTERM);
    CHECK(collector.finish(test::patience).status == 0);
}

TEST_CASE("the VMM is told when the workload is ready, how it ended, and who the machine is",
          "[workload][process]") {
    const AgentPlace place;
    const std::string socket = (place.folder() / "vmm").string();
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    Agent agent(place, shell("sleep 1; exit 3"),
                fmt::format(R"({{"notify_socket": "{}"}})", socket));
    CHECK(agent.finish().status == 3);
    std::string said;
    std::array<char, 4096> message{};
    for (ssize_t size = 0; size >= 0;
         size = ::recv(fd, message.data(), message.size(), MSG_DONTWAIT))
        said += std::string(message.data(), static_cast<std::size_t>(size)) + "|";
    (void)::close(fd); // It was ours alone.
    CHECK_THAT(said, ContainsSubstring("X_ROUSE_BOOT_ID=") &&
                         ContainsSubstring("|READY=1\nX_ROUSE_GENERATION=") &&
                         ContainsSubstring("|EXIT_STATUS=3|STOPPING=1\nSTATUS=shutting down: "));
}
