// How many forwards there may be, and that they are counted.
#include "proto/limits.hpp"
#include "tests/process/agent.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <vector>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Agent;
using test::AgentPlace;

namespace {

/// Asks for a forward to the agent's own socket; what came back first.
std::string open_forward(test::Connection& connection, const AgentPlace& place) {
    const std::string fields = "Connection: Upgrade\r\nUpgrade: rouse-stream.v1\r\n";
    const std::string body = R"({"unix": ")" + place.socket().string() + R"("})";
    if (!connection.send("POST /v1/forward HTTP/1.1\r\nHost: guest\r\n" + fields +
                         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body))
        return "refused";
    return connection.receive().value_or("closed");
}

std::uint64_t open_forwards(const Agent& agent) {
    return test::number_at(test::status(agent.endpoint()), "/forwards/open");
}

} // namespace

TEST_CASE("forwards have a limit, are counted, and leave nothing behind", "[local][process]") {
    const AgentPlace place;
    const Agent agent(place, test::payload({"tell-signals"}));
    std::vector<test::Connection> streams;
    for (std::size_t i = 0; i < proto::limits::forwards; ++i) {
        streams.push_back(agent.endpoint().connect());
        REQUIRE_THAT(open_forward(streams.back(), place), ContainsSubstring(" 101 "));
    }
    CHECK(open_forwards(agent) == proto::limits::forwards);
    test::Connection more = agent.endpoint().connect();
    CHECK_THAT(open_forward(more, place), ContainsSubstring(" 503 ") && ContainsSubstring("busy"));
    CHECK_THAT(test::ask(agent.endpoint(), "GET", "/v1/metrics").body,
               ContainsSubstring("rouse_forwards_open 256"));
    streams.clear();
    test::wait_until([&] { return open_forwards(agent) == 0; },
                     [&] { return std::to_string(open_forwards(agent)); }, test::patience);
}
