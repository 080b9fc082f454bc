// Documents of exec sessions.
#include "proto/exec.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

using namespace rouse::proto;
namespace json = boost::json;

TEST_CASE("what a request says about its session comes back as it was sent", "[proto]") {
    ExecRequest request;
    request.command.argv = {"sh"};
    request.session.id = "build-1.x_Y";
    request.session.tty = TerminalSize{.rows = 50, .columns = 132};
    request.session.timeout = std::chrono::milliseconds(1500);
    request.session.kill_grace = std::chrono::milliseconds(250);
    request.session.detach = true;
    request.session.on_disconnect = OnDisconnect::keep;
    request.session.reattach_grace = std::chrono::milliseconds(0);
    const auto again = parse_exec_request(json::serialize(to_json(request)));
    REQUIRE(again.has_value());
    CHECK(again.value() == request);
    CHECK(parse_exec_request(R"({"argv":["sh"],"tty":null})")->session == SessionOptions{});
}

TEST_CASE("what a request may not say about its session is refused with its place", "[proto]") {
    const auto why = [](const std::string& members) {
        const auto parsed = parse_exec_request(fmt::format(R"({{"argv":["sh"],{}}})", members));
        return parsed ? std::string("accepted") : parsed.error().message();
    };
    for (const char* const id : {"main", "files-1", ".hidden", "a/b", "a b", "ü"})
        CHECK(why(fmt::format(R"("id":"{}")", id)).find("$.id") != std::string::npos);
    CHECK(why(fmt::format(R"("id":"{}")", std::string(65, 'a'))).find("$.id") != std::string::npos);
    CHECK(why(fmt::format(R"("id":"{}")", std::string(64, 'a'))) == "accepted");
    CHECK(why(R"("tty":{"rows":0,"columns":80})").find("$.tty.rows") != std::string::npos);
    CHECK(why(R"("tty":{"rows":1,"columns":65536})").find("$.tty.columns") != std::string::npos);
    CHECK(why(R"("tty":{"rows":1})").find("$.tty.columns") != std::string::npos);
    CHECK(why(R"("tty":true)").find("$.tty") != std::string::npos);
    CHECK(why(R"("timeout_ms":-1)").find("$.timeout_ms") != std::string::npos);
    CHECK(why(R"("on_disconnect":"maybe")").find("$.on_disconnect") != std::string::npos);
    CHECK(why(R"("timeout":5)").find("timeout") != std::string::npos);
}

TEST_CASE("a session in a listing comes back as it was sent", "[proto]") {
    SessionDocument session;
    session.id = "a1";
    session.state = "exited";
    session.program = "sh";
    session.pid = 12;
    session.tty = session.detached = session.controlled = true;
    session.readers = 2;
    session.age_ms = 77;
    session.stdin_received = 5;
    session.out = {.oldest = 1, .next = 9, .lost = 1};
    session.err = {.oldest = 0, .next = 3, .lost = 0};
    session.exit.emplace();
    session.exit->code = 3;
    const json::object list{{"sessions", json::array{to_json(session)}}};
    const auto again = parse_session_list(json::serialize(list));
    REQUIRE(again.has_value());
    CHECK(again.value() == std::vector{session});
    CHECK_FALSE(parse_session_list("{}").has_value());
    CHECK_FALSE(parse_session_list(R"({"sessions":[{"id":"a"}]})").has_value());
}

TEST_CASE("an attach request names offsets, or means the oldest", "[proto]") {
    AttachRequest request;
    CHECK(parse_attach_request("").value() == request);
    request.out = 12;
    request.control = false;
    CHECK(parse_attach_request(json::serialize(to_json(request))).value() == request);
    CHECK_FALSE(parse_attach_request(R"({"from":1})").has_value());
    CHECK_FALSE(parse_attach_request(R"({"stdout":-1})").has_value());
}
