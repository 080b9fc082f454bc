// The HTTP server, over a socket pair.

#include "agent/io/http_server.hpp"
#include "agent/io/http_target.hpp"
#include "agent/io/race.hpp"
#include "agent/io/task_group.hpp"
#include "tests/support/ended.hpp"
#include "tests/support/peer.hpp"
#include "tests/support/run_until.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <string>

using namespace rouse;
using namespace std::chrono_literals;
using test::run_until;

namespace {

io::Awaitable<io::HttpReply> echo(io::HttpRequest request) {
    io::HttpReply reply;
    reply.body = request.body + "|" + request.query["q"];
    co_return reply;
}

io::Awaitable<io::HttpReply> throwing(io::HttpRequest) {
    throw std::runtime_error("handler broke");
    co_return io::HttpReply();
}

io::Awaitable<io::HttpReply> wait_for_ever(bool& started, bool& ended) {
    const test::Ended guard{ended};
    started = true;
    io::Awaitable<> waiting = io::forever();
    co_await std::move(waiting);
    co_return io::HttpReply();
}

io::Awaitable<> repeat_received(io::HttpRequest request, io::Socket& socket, std::string received) {
    const std::string bytes = request.upgrade + ":" + received;
    (void)co_await io::asio::async_write(socket, io::asio::buffer(bytes), io::no_throw);
}

/// A server, one connection to it, and the client's end.
struct Server {
    explicit Server(io::HttpDeadlines deadlines = {}) : server(routes, registry, deadlines) {
        routes["POST /echo"].handler = echo;
        routes["GET /echo"].handler = echo;
        routes["GET /throw"].handler = throwing;
        routes["GET /wait"].handler = [this](io::HttpRequest) {
            return wait_for_ever(handler_started, handler_ended);
        };
        routes["POST /up"].upgrade = repeat_received;
        routes["POST /up"].upgrade_token = "echo.v1";
        auto [near, far] = test::socket_pair(loop);
        client.emplace(std::move(far));
        client->start_reading();
        tasks.spawn("http", server.serve(std::move(near)));
    }
    [[nodiscard]] bool gets(std::string_view text) {
        return run_until(loop, [this, text] { return client->has(text); });
    }
    [[nodiscard]] bool serving_ends() {
        return run_until(loop, [this] { return tasks.size() == 0; });
    }

    io::asio::io_context loop;
    io::HttpRoutes routes;
    io::ConnectionRegistry registry;
    io::HttpServer server;
    io::TaskGroup tasks{loop.get_executor(), [](const std::string&, const std::string&) {}};
    std::optional<test::Peer> client;
    bool handler_started = false;
    bool handler_ended = false;
};

} // namespace

TEST_CASE("requests on one connection are answered in turn, also when sent at once", "[http]") {
    Server server;
    server.client->send(
        "POST /echo?q=a%20b HTTP/1.1\r\nContent-Length: 3\r\n\r\none"
        "GET /echo HTTP/1.1\r\n\r\nGET /echo HTTP/1.1\r\nConnection: close\r\n\r\n");
    CHECK(run_until(server.loop, [&] { return server.client->ended(); }));
    CHECK(server.client->has("one|a b"));
    CHECK(server.client->has("Connection: close"));
    server.client->close();
    CHECK(server.serving_ends());
    CHECK(server.server.counters().requests == 3);
    CHECK(server.registry.entries().empty());
}

TEST_CASE("bad requests get a clear error and the end of the connection", "[http]") {
    struct Row {
        std::string request;
        std::string answer;
    };
    const std::string chunked = "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    const auto row = GENERATE_COPY(
        Row{"rubbish\r\n\r\n", "HTTP/1.1 400 "}, Row{"GET /%zz HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
        Row{"GET * HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
        Row{"POST /echo HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n", "HTTP/1.1 413 "},
        Row{"POST /echo HTTP/1.1\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 400 "},
        Row{"GET /echo HTTP/1.1\r\nX: " + std::string(1024 * 1024, 'x'), "HTTP/1.1 431 "},
        Row{"POST /echo HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 501 "},
        Row{"POST /echo HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "HTTP/1.1 501 "},
        Row{"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 400 "},
        Row{chunked + "1;x=" + std::string(1024 * 1024, 'x'), "HTTP/1.1 431 "},
        Row{chunked + std::string(1024 * 1024, '0') + "1\r\n", "HTTP/1.1 431 "},
        Row{chunked + "0\r\nX: " + std::string(1024 * 1024, 'x'), "HTTP/1.1 431 "},
        Row{"POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1048577\r\n\r\n",
            "HTTP/1.1 413 "});
    Server server;
    server.client->send(row.request);
    CHECK(server.gets(row.answer));
    CHECK_FALSE(server.client->has("100 Continue"));
    CHECK(run_until(server.loop, [&] { return server.client->ended(); }));
    server.client->close();
    CHECK(server.serving_ends());
    CHECK(server.server.counters().bad_requests == 1);
}

TEST_CASE("a request that stalls is answered 408 at its deadline", "[http]") {
    const std::string half = GENERATE("", "GET /echo HTTP/1.1\r\nHos",
                                      "POST /echo HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf");
    io::HttpDeadlines deadlines;
    deadlines.header = 20ms;
    deadlines.body = 20ms;
    Server server(deadlines);
    server.client->send(half);
    CHECK(server.gets("HTTP/1.1 408 "));
    server.client->close();
    CHECK(server.serving_ends());
}

TEST_CASE("an idle connection is closed without a word", "[http]") {
    io::HttpDeadlines deadlines;
    deadlines.idle = 10ms;
    Server server(deadlines);
    server.client->send("GET /echo HTTP/1.1\r\n\r\n");
    CHECK(server.serving_ends());
    CHECK(server.client->received().find("HTTP/1.1", 1) == std::string::npos);
}

TEST_CASE("a client that does not take its answer is given up", "[http]") {
    io::HttpDeadlines deadlines;
    deadlines.write = 20ms;
    Server server(deadlines);
    auto [near, far] = test::socket_pair(server.loop);
    test::Peer silent(std::move(far)); // It writes but never reads.
    const std::string body(1024 * 1024, 'b');
    silent.send("POST /echo HTTP/1.1\r\nContent-Length: 1048576\r\n\r\n" + body);
    server.tasks.spawn("http", server.server.serve(std::move(near)));
    CHECK(run_until(server.loop, [&] { return server.tasks.size() == 1; }));
    server.client->close();
    CHECK(server.serving_ends());
}

TEST_CASE("unknown paths, methods and upgrades are told apart", "[http]") {
    Server server;
    server.client->send("GET /nothing HTTP/1.1\r\n\r\n");
    CHECK(server.gets("HTTP/1.1 404 "));
    server.client->send("GET /\xff HTTP/1.1\r\n\r\n");
    CHECK(server.gets("there is no /\xef\xbf\xbd"));
    server.client->send("DELETE /echo HTTP/1.1\r\n\r\n");
    CHECK(server.gets("Allow: GET, POST"));
    server.client->send("POST /up HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n");
    CHECK(server.gets("Upgrade: echo.v1"));
    server.client->send("GET /throw HTTP/1.1\r\n\r\n");
    CHECK(server.gets("handler broke"));
    server.client->send("GET /echo?q=still HTTP/1.1\r\n\r\n");
    CHECK(server.gets("|still"));
    server.client->close();
    CHECK(server.serving_ends());
}

TEST_CASE("a client that expects 100-continue gets it before it sends the body", "[http]") {
    Server server;
    server.client->send("POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    CHECK(server.gets("HTTP/1.1 100 Continue\r\n\r\n"));
    server.client->send("body");
    CHECK(server.gets("body|"));
    server.client->close();
    CHECK(server.serving_ends());
}

TEST_CASE("a handler is cancelled when its client goes away", "[http]") {
    const bool sends_ahead = GENERATE(false, true);
    Server server;
    server.client->send("GET /wait HTTP/1.1\r\n\r\n");
    if (sends_ahead) server.client->send(std::string(100 * 1024, 'x'));
    CHECK(run_until(server.loop, [&] { return server.handler_started; }));
    CHECK_FALSE(run_until(
        server.loop, [&] { return server.handler_ended; }, 10ms));
    server.client->close();
    CHECK(server.serving_ends());
    CHECK(server.handler_ended);
}

TEST_CASE("a client that says it has finished gets its answer and the end", "[http]") {
    Server server;
    auto [near, far] = test::socket_pair(server.loop);
    const std::string request = "GET /echo?q=last HTTP/1.1\r\n\r\n";
    REQUIRE(::send(far.native_handle(), request.data(), request.size(), 0) ==
            static_cast<ssize_t>(request.size()));
    far.shutdown(io::Socket::shutdown_send);
    test::Peer finished(std::move(far));
    finished.start_reading();
    server.tasks.spawn("http", server.server.serve(std::move(near)));
    CHECK(run_until(
        server.loop, [&] { return finished.ended(); }, 2s));
    server.client->close();
    CHECK(server.serving_ends());
}

TEST_CASE("a fence ends a connection whose handler runs", "[http]") {
    Server server;
    server.client->send("GET /wait HTTP/1.1\r\n\r\n");
    CHECK(run_until(server.loop, [&] { return server.handler_started; }));
    CHECK(server.registry.fence({.epoch = 2}) == 1);
    CHECK(server.serving_ends());
    CHECK(server.handler_ended);
}

TEST_CASE("an upgrade hands over the connection and the bytes that came early", "[http]") {
    Server server;
    server.client->send("POST /up HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: echo.v1\r\n"
                        "Content-Length: 2\r\n\r\n{}early");
    CHECK(server.serving_ends());
    CHECK(server.gets("\r\n\r\necho.v1:early"));
    CHECK(server.client->has("HTTP/1.1 101 Switching Protocols\r\n"));
}

TEST_CASE("queries and escapes are decoded", "[http]") {
    io::HttpRequest request;
    CHECK(io::read_target("/a%2Fb?x=1&y&=z&x=2%3D", request));
    CHECK(request.path == "/a/b");
    CHECK(request.query == std::map<std::string, std::string>{{"x", "2="}, {"y", ""}});
    CHECK_FALSE(io::percent_decode("%4"));
    CHECK_FALSE(io::percent_decode("%+1"));
}

namespace {

/// Whether its one connection waits for a request; false before it is there.
bool is_idle(const io::ConnectionRegistry& registry) {
    return !registry.entries().empty() && registry.entries().front().idle;
}

} // namespace

TEST_CASE("a connection is idle between requests, and only then", "[http]") {
    Server server;
    const auto idle = [&] { return is_idle(server.registry); };
    CHECK_FALSE(idle()); // about to ask
    server.client->send("GET /echo HTTP/1.1\r\n\r\n");
    REQUIRE(server.gets("200 OK"));
    REQUIRE(run_until(server.loop, idle));
    server.client->send("GET /wait HTTP/1.1\r\n\r\n");
    REQUIRE(run_until(server.loop, [&] { return server.handler_started; }));
    CHECK_FALSE(idle());
    CHECK(server.registry.close_idle() == 0);
    server.client->close();
    CHECK(server.serving_ends());

    Server other;
    other.client->send("GET /echo HTTP/1.1\r\n\r\n");
    REQUIRE(other.gets("200 OK"));
    REQUIRE(run_until(other.loop, [&] { return is_idle(other.registry); }));
    CHECK(other.registry.close_idle() == 1);
    CHECK(other.serving_ends());
}
