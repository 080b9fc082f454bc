// Answers whose body has no known length.

#include "agent/io/race.hpp"
#include "tests/support/ended.hpp"
#include "tests/unit/http_rig.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace rouse;
using namespace std::chrono_literals;
using test::HttpRig;

namespace {

io::Awaitable<> count_to(int last, const io::HttpSink& send) {
    for (int i = 1; i <= last; ++i) {
        io::Awaitable<bool> sending = send(fmt::format("{},", i));
        (void)co_await std::move(sending);
    }
}

io::Awaitable<> flood(bool& ended, const io::HttpSink& send) {
    const test::Ended guard{ended};
    for (bool sent = true; sent;) {
        io::Awaitable<bool> sending = send(std::string(64 * 1024, 'f'));
        sent = co_await std::move(sending);
    }
}

io::Awaitable<> say_and_wait(bool& ended, const io::HttpSink& send) {
    const test::Ended guard{ended};
    io::Awaitable<bool> sending = send("word");
    (void)co_await std::move(sending);
    io::Awaitable<> waiting = io::forever();
    co_await std::move(waiting);
}

io::Awaitable<> break_off(const io::HttpSink& send) {
    io::Awaitable<bool> sending = send("half");
    (void)co_await std::move(sending);
    throw std::runtime_error("the source broke");
}

io::Awaitable<io::HttpReply> streamed(io::HttpBody body) {
    io::HttpReply reply;
    reply.content_type = "text/plain";
    reply.stream = std::move(body);
    co_return reply;
}

struct StreamRig : HttpRig {
    explicit StreamRig(io::HttpDeadlines deadlines = {}) : HttpRig(deadlines) {
        add("/count", [](const io::HttpSink& send) { return count_to(100, send); });
        add("/empty", [](const io::HttpSink& send) { return count_to(0, send); });
        add("/flood", [this](const io::HttpSink& send) { return flood(ended, send); });
        add("/wait", [this](const io::HttpSink& send) { return say_and_wait(ended, send); });
        add("/break", [](const io::HttpSink& send) { return break_off(send); });
    }
    void add(const std::string& path, const io::HttpBody& body) {
        routes["GET " + path].handler = [body](io::HttpRequest) { return streamed(body); };
    }
    bool ended = false;
};

} // namespace

TEST_CASE("a streamed answer comes in chunks, and another request may follow", "[http]") {
    StreamRig rig;
    auto& client = rig.ask("/count");
    client.send("GET /empty HTTP/1.1\r\n\r\nGET /none HTTP/1.1\r\nConnection: close\r\n\r\n");
    REQUIRE(rig.until([&] { return client.ended(); }));
    const std::string& text = client.received();
    CHECK(text.find("Transfer-Encoding: chunked\r\n") != std::string::npos);
    CHECK(text.find("Content-Type: text/plain\r\n") != std::string::npos);
    CHECK(text.find("\r\n\r\n0\r\n\r\nHTTP/1.1 404 ") != std::string::npos); // the empty one
    std::string expected;
    for (int i = 1; i <= 100; ++i)
        expected += fmt::format("{},", i);
    CHECK(client.body() == expected);
    CHECK(client.whole());
}

TEST_CASE("a client of HTTP/1.0 gets a streamed answer up to the end of the connection", "[http]") {
    StreamRig rig;
    auto& client = rig.ask("/count", HttpRig::Reading::now, "1.0");
    REQUIRE(rig.until([&] { return client.ended(); }));
    CHECK(client.body().starts_with("1,2,3,"));
    CHECK(client.body().ends_with(",100,"));
    CHECK(client.received().find("chunked") == std::string::npos);
}

TEST_CASE("a streamed answer ends at once when its client hangs up", "[http]") {
    const std::string path = GENERATE("/wait", "/flood");
    StreamRig rig;
    auto& client =
        rig.ask(path, path == "/flood" ? HttpRig::Reading::later : HttpRig::Reading::now);
    if (path == "/wait") REQUIRE(rig.until([&] { return client.body() == "word"; }));
    CHECK_FALSE(test::run_until(
        rig.loop, [&] { return rig.ended; }, 20ms));
    client.close();
    CHECK(rig.idle());
    CHECK(rig.ended);
}

TEST_CASE("a client that takes no piece of a streamed answer in time is given up", "[http]") {
    io::HttpDeadlines deadlines;
    deadlines.piece = 20ms;
    StreamRig rig(deadlines);
    (void)rig.ask("/flood", HttpRig::Reading::later);
    CHECK(rig.idle());
    CHECK(rig.ended);
}

TEST_CASE("a streamed answer whose source breaks is cut off for its client to see", "[http]") {
    StreamRig rig;
    auto& client = rig.ask("/break");
    REQUIRE(rig.until([&] { return client.ended(); }));
    CHECK(client.body() == "half");
    CHECK_FALSE(client.whole());
    CHECK(rig.escaped == std::vector<std::string>{"the source broke"});
}

TEST_CASE("a fence ends a streamed answer", "[http]") {
    StreamRig rig;
    auto& client = rig.ask("/wait");
    REQUIRE(rig.until([&] { return client.body() == "word"; }));
    CHECK(rig.registry.entries().front().role == "http stream");
    CHECK(rig.registry.fence({.epoch = 2}) == 1);
    CHECK(rig.idle());
    CHECK(rig.ended);
}
