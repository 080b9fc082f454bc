// Requests whose body has any length, and comes piece by piece.

#include "agent/io/http_body.hpp"
#include "agent/io/http_server.hpp"
#include "agent/io/race.hpp"
#include "agent/io/task_group.hpp"
#include "tests/support/ended.hpp"
#include "tests/support/peer.hpp"
#include "tests/support/run_until.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fmt/format.h>

#include <optional>
#include <string>

using namespace rouse;
using namespace std::chrono_literals;
using io::HttpBodyPiece;
using test::run_until;

namespace {

std::string state_name(HttpBodyPiece::State state) {
    switch (state) {
    case HttpBodyPiece::State::bytes:
        return "bytes";
    case HttpBodyPiece::State::end:
        return "end";
    case HttpBodyPiece::State::cut:
        return "cut";
    case HttpBodyPiece::State::too_slow:
        return "too slow";
    case HttpBodyPiece::State::malformed:
        return "malformed";
    }
    return "none";
}

/// A server whose handlers read bodies, one connection to it, and the client's end.
struct BodyRig {
    explicit BodyRig(io::HttpDeadlines deadlines = {}) : server(routes, registry, deadlines) {
        routes["PUT /all"].body_handler = [this](io::HttpRequest, const io::HttpSource& body) {
            return take_all(body);
        };
        routes["PUT /none"].body_handler = [](io::HttpRequest request, const io::HttpSource&) {
            return refuse(std::move(request));
        };
        routes["PUT /paused"].body_handler = [this](io::HttpRequest, const io::HttpSource& body) {
            return pause(body);
        };
        routes["GET /other"].handler = [](io::HttpRequest request) {
            return refuse(std::move(request));
        };
        auto [near, far] = test::socket_pair(loop);
        client.emplace(std::move(far));
        client->start_reading();
        tasks.spawn("http", server.serve(std::move(near)));
    }
    ~BodyRig() {
        client->close();
        if (!run_until(loop, [this] { return tasks.size() == 0; })) std::terminate();
    }
    BodyRig(const BodyRig&) = delete;
    BodyRig& operator=(const BodyRig&) = delete;

    io::Awaitable<io::HttpReply> take_all(const io::HttpSource& body) {
        const test::Ended guard{handler_ended};
        HttpBodyPiece piece;
        for (bool more = true; more;) {
            io::Awaitable<HttpBodyPiece> asking = body();
            piece = co_await std::move(asking);
            more = piece.state == HttpBodyPiece::State::bytes;
            bytes_or_reason = bytes_or_reason && piece.bytes.empty() != more;
            bytes += piece.bytes.size();
            sum = sum * 31 + std::hash<std::string>()(piece.bytes.substr(0, 1));
            largest = std::max(largest, piece.bytes.size());
        }
        state = state_name(piece.state);
        io::HttpReply reply;
        reply.body = fmt::format("{} {}", bytes, state);
        co_return reply;
    }
    static io::Awaitable<io::HttpReply> refuse(io::HttpRequest request) {
        co_return io::HttpReply::error(409, "conflict", "not " + request.path);
    }
    /// Takes one piece, and then no more until it is told to.
    io::Awaitable<io::HttpReply> pause(const io::HttpSource& body) {
        const test::Ended guard{handler_ended};
        io::Awaitable<HttpBodyPiece> asking = body();
        const HttpBodyPiece piece = co_await std::move(asking);
        bytes += piece.bytes.size();
        while (!go_on) {
            io::Awaitable<> waiting = resumed.wait();
            co_await std::move(waiting);
        }
        io::Awaitable<io::HttpReply> taking = take_all(body);
        co_return co_await std::move(taking);
    }

    [[nodiscard]] bool gets(std::string_view text) {
        return run_until(loop, [this, text] { return client->has(text); });
    }
    [[nodiscard]] bool connection_ends() {
        return run_until(loop, [this] { return client->ended(); });
    }

    io::asio::io_context loop;
    io::HttpRoutes routes;
    io::ConnectionRegistry registry;
    io::HttpServer server;
    io::TaskGroup tasks{loop.get_executor(), [](const std::string&, const std::string&) {}};
    std::optional<test::Peer> client;
    io::Condition resumed{loop.get_executor()};
    bool go_on = false;
    bool handler_ended = false;
    std::size_t bytes = 0;
    std::size_t sum = 0;
    std::size_t largest = 0;
    bool bytes_or_reason = true; ///< so it was with every piece
    std::string state;
};

std::string chunked(std::size_t count, std::size_t size) {
    std::string body;
    for (std::size_t i = 0; i < count; ++i)
        body += proto::encode_chunk(std::string(size, 'c'));
    return body + std::string(proto::last_chunk);
}

} // namespace

TEST_CASE("a body of any length comes in pieces, and another request may follow", "[http]") {
    BodyRig rig;
    constexpr std::size_t size = 20'000'000;
    const bool in_chunks = GENERATE(false, true);
    if (in_chunks)
        rig.client->send("PUT /all HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" +
                         chunked(200, size / 200));
    else
        rig.client->send(fmt::format("PUT /all HTTP/1.1\r\nContent-Length: {}\r\n\r\n", size) +
                         std::string(size, 'c'));
    rig.client->send("GET /other HTTP/1.1\r\n\r\n");
    CHECK(rig.gets("20000000 end"));
    CHECK(rig.gets("not /other"));
    CHECK(rig.largest <= 64 * 1024);
    CHECK(rig.server.counters().bad_requests == 0);
}

TEST_CASE("nothing is read from a client whose bytes nobody takes", "[http]") {
    BodyRig rig;
    constexpr std::size_t size = 20'000'000;
    rig.client->send(fmt::format("PUT /paused HTTP/1.1\r\nContent-Length: {}\r\n\r\n", size));
    rig.client->send(std::string(size, 'p'));
    REQUIRE(run_until(rig.loop, [&] { return rig.bytes > 0; }));
    CHECK_FALSE(run_until(
        rig.loop, [&] { return rig.handler_ended; }, 50ms));
    CHECK(rig.bytes <= 64 * 1024);
    rig.go_on = true;
    rig.resumed.notify_all();
    CHECK(rig.gets("20000000 end"));
}

TEST_CASE("a body that is cut, stalls or is malformed says so to its handler", "[http]") {
    struct Row {
        std::string request;
        std::string state;
        bool hangs_up;
    };
    const auto row = GENERATE(
        Row{"PUT /all HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf", "cut", true},
        Row{"PUT /all HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal", "cut", true},
        Row{"PUT /all HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf", "too slow", false},
        Row{"PUT /all HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "malformed", false},
        Row{"PUT /all HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", "malformed",
            false},
        Row{"PUT /all HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nx\r\n", "malformed",
            false},
        Row{"PUT /all HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffff\r\n", "malformed",
            false},
        Row{"PUT /all HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(300, '0'),
            "malformed", false},
        Row{"PUT /all HTTP/1.1\r\n\r\n", "end", false});
    io::HttpDeadlines deadlines;
    if (row.state == "too slow") deadlines.body_piece = 20ms;
    BodyRig rig(deadlines);
    rig.client->send(row.request);
    if (row.hangs_up) {
        REQUIRE(run_until(rig.loop, [&] { return rig.bytes > 0; }));
        rig.client->close();
    }
    CHECK(run_until(rig.loop, [&] { return rig.handler_ended; }));
    CHECK(rig.state == row.state);
    CHECK(rig.bytes_or_reason);
    if (!row.hangs_up && row.state != "end") CHECK(rig.connection_ends());
}

TEST_CASE("an answer before the end of the body ends the connection", "[http]") {
    BodyRig rig;
    rig.client->send("PUT /none HTTP/1.1\r\nContent-Length: 100000000\r\n\r\nbegin");
    CHECK(rig.gets("not /none"));
    CHECK(rig.client->has("Connection: close"));
    CHECK(rig.connection_ends());
}

TEST_CASE("a body is not read for somebody without the token", "[http]") {
    BodyRig rig;
    rig.server.require_token("secret");
    const std::string fields = " HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n";
    rig.client->send("PUT /all" + fields + "\r\nbody");
    CHECK(rig.gets("HTTP/1.1 401 "));
    CHECK(rig.connection_ends());
    CHECK_FALSE(rig.client->has("100 Continue"));
    CHECK(rig.bytes == 0);
    BodyRig other;
    other.server.require_token("secret");
    other.client->send("PUT /all" + fields + "Authorization: Bearer secret\r\n\r\nbody");
    CHECK(other.gets("4 end"));
}

TEST_CASE("100-continue is said when somebody wants the body, and only then", "[http]") {
    BodyRig rig;
    const std::string fields = " HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    rig.client->send("PUT /all" + fields);
    REQUIRE(rig.gets("HTTP/1.1 100 Continue\r\n\r\n"));
    rig.client->send("body");
    CHECK(rig.gets("4 end"));
    rig.client->received().clear();
    rig.client->send("PUT /none" + fields);
    CHECK(rig.gets("HTTP/1.1 409 "));
    CHECK_FALSE(rig.client->has("100 Continue"));
}

TEST_CASE("a hang-up after the body cancels the handler", "[http]") {
    BodyRig rig;
    rig.routes["PUT /wait"].body_handler = [&rig](io::HttpRequest, const io::HttpSource& body) {
        return rig.pause(body);
    };
    rig.client->send("PUT /wait HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody");
    REQUIRE(run_until(rig.loop, [&] { return rig.bytes == 4; }));
    rig.client->close();
    CHECK(run_until(rig.loop, [&] { return rig.handler_ended; }));
    CHECK(rig.state.empty());
}

TEST_CASE("a fence ends a connection whose body is being read", "[http]") {
    BodyRig rig;
    rig.client->send("PUT /all HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf");
    REQUIRE(run_until(rig.loop, [&] { return rig.bytes > 0; }));
    CHECK(rig.registry.entries().front().role == "http stream");
    CHECK(rig.registry.fence({.epoch = 2}) == 1);
    CHECK(run_until(rig.loop, [&] { return rig.handler_ended; }));
    CHECK(rig.state == "cut");
}

TEST_CASE("a body is taken apart wherever it was cut on its way", "[http]") {
    const std::string whole = "3\r\nabc\r\n5;x=y\r\ndefgh\r\n0\r\nTrailer: x\r\n\r\nNEXT";
    for (std::size_t step = 1; step <= whole.size(); ++step) {
        io::HttpBodyDecoder decoder({.chunked = true, .length = 0});
        std::string body;
        std::string bytes;
        for (std::size_t at = 0; at < whole.size(); at += step) {
            bytes += whole.substr(at, step);
            REQUIRE(decoder.feed(bytes, body) != io::HttpBodyDecoder::State::malformed);
        }
        REQUIRE(body == "abcdefgh");
        REQUIRE(decoder.complete());
        REQUIRE(bytes == "NEXT");
    }
}
