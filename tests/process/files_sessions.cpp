// Requests for files are sessions while they run.
#include "tests/process/agent.hpp"
#include "tests/process/file_tree.hpp"
#include "tools/lab/places.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Agent;
using test::AgentPlace;
using test::ask;

TEST_CASE("a request for files is listed, signalled and waited for like any session",
          "[files][sessions][process]") {
    const AgentPlace place;
    const Agent agent(place, test::payload({"tell-signals"}));
    test::Connection request = agent.endpoint().connect();
    REQUIRE(request.send("PUT /v1/files?path=" + place.folder().string() +
                         " HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"));
    std::string listed;
    test::wait_until(
        [&] {
            listed = ask(agent.endpoint(), "GET", "/v1/sessions").body;
            return listed.find(
                       R"("id":"files-1","state":"running","program":"rouse files extract")") !=
                   std::string::npos;
        },
        [&] { return listed; }, test::patience);
    CHECK(listed.find("\"main\"") < listed.find("files-1"));
    const auto looked = ask(agent.endpoint(), "GET", "/v1/sessions/files-1/wait?timeout_ms=1");
    CHECK_THAT(looked.body, ContainsSubstring("\"running\""));
    CHECK(
        ask(agent.endpoint(), "POST", "/v1/sessions/files-1/resize", R"({"rows": 1, "columns": 1})")
            .status == 409);
    test::Command attached({lab::build_product("tools/rousectl").string(), "-H",
                            agent.endpoint().target(), "attach", "--no-stdin", "files-1"});
    CHECK_THAT(attached.finish(test::patience).error, ContainsSubstring("status 409"));

    CHECK(ask(agent.endpoint(), "POST", "/v1/sessions/files-1/signal", R"({"signal": 9})").status ==
          200);
    CHECK_THAT(test::read_answer(request).body, ContainsSubstring("killed by signal 9"));
    test::wait_until(
        [&] { return ask(agent.endpoint(), "GET", "/v1/sessions/files-1").status == 404; },
        [] { return "files-1 is still there"; }, test::patience);
    CHECK(ask(agent.endpoint(), "POST", "/v1/exec", R"({"argv":["true"],"id":"files-9"})").status ==
          400);
}
