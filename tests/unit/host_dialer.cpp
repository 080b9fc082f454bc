// How the host reaches a guest: the quirks of hybrid Unix sockets, and plain ones.
#include "tests/unit/host_fake_guest.hpp"
#include "tools/host/dialer.hpp"
#include "tools/host/http_client.hpp"
#include "tools/host/listener.hpp"

#include <filesystem>
#include <fstream>

using namespace rouse;
using namespace rouse::test;
using namespace std::chrono_literals;

namespace {

struct Dialing {
    TemporaryDirectory directory;
    boost::asio::io_context io{1};
    std::string path = directory.path() / "v.sock";
    host::Dialer dialer{io.get_executor(), host::parse_target("unix:" + path).value()};

    host::Outcome<host::HttpAnswer> get(std::chrono::milliseconds limit = 5s) {
        const host::HttpQuestion question{
            .method = "GET", .path = "/v1/status", .body = {}, .upgrade = {}};
        return await(io, host::http_ask(dialer, question, host::Clock::now() + limit));
    }
};

/// Answers CONNECT with OK and the request after it with `body`.
FakeServer::Answer hybrid(std::string body) {
    return [body = std::move(body)](const std::string& received) -> std::optional<std::string> {
        if (received.starts_with("CONNECT ")) return "OK 1073741824\n";
        return http_answer(200, body);
    };
}

} // namespace

TEST_CASE("CONNECT is one write, and what follows OK is the guest's", "[host]") {
    Dialing rig;
    const FakeServer server(rig.io, rig.path, hybrid("through"));
    REQUIRE(rig.get().value().body == "through");
    REQUIRE(server.received().front() == "CONNECT 1001\n");
    REQUIRE_FALSE(rig.dialer.plain());
}

TEST_CASE("bytes of the guest that are glued to OK are not lost", "[host]") {
    Dialing rig;
    const FakeServer server(rig.io, rig.path, [](const std::string& received) {
        return received.starts_with("CONNECT ")
                   ? std::optional("OK 5\n" + http_answer(200, "glued"))
                   : std::nullopt;
    });
    REQUIRE(rig.get().value().body == "glued");
}

TEST_CASE("a connection that is closed without an answer is tried again", "[host]") {
    Dialing rig;
    int connects = 0;
    const FakeServer server(rig.io, rig.path,
                            [&](const std::string& received) -> std::optional<std::string> {
                                if (!received.starts_with("CONNECT "))
                                    return http_answer(200, "late");
                                if (++connects <= 3) return std::nullopt;
                                return "OK 1\n";
                            });
    REQUIRE(rig.get().value().body == "late");
    REQUIRE(connects == 4);
}

TEST_CASE("trying again ends at the deadline, with target and reason in the message", "[host]") {
    Dialing rig;
    const FakeServer server(rig.io, rig.path, [](const std::string&) { return std::nullopt; });
    const auto answer = rig.get(200ms);
    REQUIRE(answer.error().message.starts_with("cannot reach 'unix:" + rig.path + "': "));
    REQUIRE(server.received().size() > 1);
}

TEST_CASE("a plain HTTP server is recognised by its answer to CONNECT, and remembered", "[host]") {
    Dialing rig;
    const FakeServer server(rig.io, rig.path, [](const std::string& received) {
        return std::optional(received.starts_with("GET ") ? http_answer(200, "plain")
                                                          : http_answer(400, "bad request"));
    });
    REQUIRE(rig.get().value().body == "plain");
    REQUIRE(rig.dialer.plain());
    REQUIRE(rig.get().value().body == "plain");
    REQUIRE(server.received().size() == 3);
}

TEST_CASE("a target without a socket fails at once", "[host]") {
    Dialing rig;
    REQUIRE(rig.get(1h).error().message ==
            "cannot reach 'unix:" + rig.path + "': No such file or directory");
}

TEST_CASE("a guest that accepts and says nothing ends at the deadline", "[host]") {
    Dialing rig;
    const FakeServer server(rig.io, rig.path, [](const std::string& received) {
        return std::optional<std::string>(received.starts_with("CONNECT ") ? "OK 1\n" : "");
    });
    REQUIRE(rig.get(100ms).error().message.ends_with("GET /v1/status: no answer in time"));
}

TEST_CASE("an error of the guest is told in its own words", "[host]") {
    REQUIRE(host::describe_answer(
                {.status = 503, .body = R"({"error":{"kind":"busy","message":"later"}})"}) ==
            "later (status 503)");
    REQUIRE(host::describe_answer({.status = 500, .body = "oops"}) == "status 500: oops");
    REQUIRE(host::describe_answer({.status = 404, .body = ""}) == "status 404");
}

TEST_CASE("a stale socket file is replaced, a living one is not, and ours is removed", "[host]") {
    Dialing rig;
    const host::Target target = rig.dialer.target();
    const std::string file = rig.path + "_4001";
    { // An acceptor that closes leaves its file behind.
        const boost::asio::local::stream_protocol::acceptor stale(
            rig.io, boost::asio::local::stream_protocol::endpoint(file));
    }
    REQUIRE(std::filesystem::exists(file));
    {
        const auto listener = host::Listener::open(rig.io.get_executor(), target, 4001);
        REQUIRE(listener.has_value());
        const auto second = host::Listener::open(rig.io.get_executor(), target, 4001);
        REQUIRE(second.error().message ==
                "cannot listen on '" + file + "': somebody else already does");
        REQUIRE(std::filesystem::exists(file));
    }
    REQUIRE_FALSE(std::filesystem::exists(file));
}
