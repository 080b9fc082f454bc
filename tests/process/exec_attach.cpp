// Clients that come to a session that there is: at its beginning, in its middle, too late, two at
// once, after its end, and again and again.
#include "proto/exec_stream.hpp"
#include "proto/output.hpp"
#include "tests/process/exec_scene.hpp"
#include "tests/support/sequence.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <stdexcept>

using namespace rouse;
using proto::FrameType;
using test::Agent;
using test::AgentPlace;
using test::ExecForm;
using test::FrameConnection;
using test::payload;

namespace {

/// What somebody has of a session's stdout, over as many connections as it takes.
struct Follower {
    std::uint64_t next = 0; ///< offset of the first byte that is not known
    std::uint64_t dropped = 0;
    std::optional<std::uint64_t> code = {};
    unsigned ends = 0; ///< as told on the connection of now

    [[nodiscard]] bool done() const { return code && ends == 2; }

    /// Takes one frame in. What is known already may come again; everything else comes in order.
    void take(const proto::Frame& frame) {
        const proto::FrameHeader& header = frame.header;
        if (header.type == FrameType::error) throw std::runtime_error(frame.payload);
        if (header.type == FrameType::eos) ++ends;
        if (header.type == FrameType::exit)
            code = test::number_at(proto::parse_json(frame.payload).value(), "/code");
        if (header.stream != proto::stream_id::out) return;
        if (header.type == FrameType::dropped) {
            REQUIRE(header.offset == next);
            const auto document = proto::parse_json(frame.payload).value();
            dropped += test::number_at(document, "/count");
            next += test::number_at(document, "/count");
        }
        if (header.type != FrameType::data) return;
        REQUIRE(header.offset <= next);
        REQUIRE(test::matching_sequence(1, header.offset, frame.payload) == frame.payload.size());
        next = std::max(next, header.offset + frame.payload.size());
    }

    /// Takes up to `frames` frames in and acknowledges them.
    void follow(FrameConnection& stream, std::size_t frames = SIZE_MAX) {
        ends = 0;
        for (std::size_t count = 0; count < frames && !done(); ++count) {
            const proto::Frame frame = stream.receive().value();
            take(frame);
            const auto& header = frame.header;
            const bool ended = header.type == FrameType::eos;
            if (header.type == FrameType::data || ended)
                (void)acknowledge(stream, header.stream,
                                  header.offset + (ended ? 0 : header.length),
                                  ended); // the end shows when we read on
        }
    }
};

FrameConnection look_at(const Agent& agent, const std::string& id, std::uint64_t from) {
    return FrameConnection::attach(agent.endpoint(), id,
                                   fmt::format(R"({{"stdout":{},"control":false}})", from));
}

/// A session that nobody waits for has written `size` bytes of the sequence and is over.
void run_detached(const Agent& agent, const std::string& id, const std::string& size) {
    const auto request = test::exec_request(payload({"sequence", "stdout", size}), id);
    REQUIRE(test::ask_all(agent.endpoint(), {exec_text(request, ExecForm::detached)}, 1)
                .front()
                .status == 202);
    REQUIRE(ask(agent.endpoint(), "GET", fmt::format("/v1/sessions/{}/wait", id)).status == 200);
    test::wait_until([&] { return test::session_of(agent.endpoint(), id).state == "exited"; },
                     [] { return "it does not end"; }, test::patience);
}

} // namespace

TEST_CASE("who attaches gets a session's output from any byte that is kept, also after its end",
          "[exec-attach][exec][process]") {
    constexpr std::uint64_t size = 40'000;
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    run_detached(agent, "short", std::to_string(size));
    for (const std::uint64_t from : {std::uint64_t{0}, std::uint64_t{12'345}, size - 1, size}) {
        auto stream = look_at(agent, "short", from);
        Follower follower{.next = from};
        follower.follow(stream);
        CHECK(follower.next == size);
        CHECK(follower.dropped == 0);
        CHECK(follower.code == 0U);
    }
    const auto beyond = test::request_text("POST", "/v1/sessions/short/attach",
                                           fmt::format(R"({{"stdout":{}}})", size + 1),
                                           "Connection: Upgrade\r\nUpgrade: rouse-stream.v1\r\n");
    CHECK(test::ask_all(agent.endpoint(), {beyond}, 1).front().status == 416);
}

TEST_CASE("who attaches beyond what is kept is told the gap, and gets the rest",
          "[exec-attach][exec][process]") {
    constexpr std::uint64_t size = 3U << 20U;
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    run_detached(agent, "long", "3M");
    for (const std::uint64_t from : {std::uint64_t{0}, std::uint64_t{1'234'567}}) {
        auto stream = look_at(agent, "long", from);
        Follower follower{.next = from};
        follower.follow(stream);
        CHECK(follower.next == size);
        CHECK(follower.dropped == size - proto::limits::exec_window - from);
    }
    const auto listed = test::session_of(agent.endpoint(), "long").out;
    CHECK(listed.oldest == size - proto::limits::exec_window);
    CHECK(listed.next == size);
    CHECK(listed.lost == listed.oldest);
}

TEST_CASE("a controller and those who look see the same session, and only one may write",
          "[exec-attach][exec][process]") {
    constexpr std::uint64_t size = 2U << 20U;
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    auto controlling = FrameConnection::exec(
        agent.endpoint(), test::exec_request(payload({"sequence", "stdout", "2M"}), "seen"));
    (void)controlling.expect(FrameType::started);
    auto looking = look_at(agent, "seen", 0);
    auto meddling = look_at(agent, "seen", 0);
    REQUIRE(meddling.send({.stream = proto::stream_id::in}, "x"));
    const auto refusal = test::await_frame(meddling, FrameType::error).payload;
    CHECK(test::text_at(proto::parse_json(refusal).value(), "/kind") == "read_only");

    Follower controller;
    controller.follow(controlling);
    CHECK(controller.next == size);
    CHECK(controller.dropped == 0);
    CHECK(controller.code == 0U);
    // Nobody waited for this one: what it finds is all of it, or a gap that is told.
    Follower looker;
    looker.follow(looking);
    CHECK(looker.next == size);
    CHECK(looker.code == 0U);
}

TEST_CASE("a stream that is cut after any frame goes on by its request",
          "[exec-attach][exec][process]") {
    constexpr std::uint64_t size = 150'000;
    constexpr std::size_t frames = 18; // STARTED, EXIT, two ends, and data
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    for (std::size_t cut = 0; cut < frames; ++cut) {
        CAPTURE(cut);
        const auto marks = place.folder() / fmt::format("cut-{}", cut);
        const auto request =
            test::shell_request(fmt::format("echo mark >>{}; {} sequence stdout 150000; exit 7",
                                            marks.string(), payload({}).front()),
                                fmt::format("cut-{}", cut));
        Follower follower;
        {
            auto stream = FrameConnection::exec(agent.endpoint(), request);
            follower.follow(stream, cut);
        }
        follower.code.reset(); // it is told again
        auto again = FrameConnection::exec(agent.endpoint(), request);
        follower.follow(again);
        CHECK(follower.next == size);
        CHECK(follower.dropped == 0);
        CHECK(follower.code == 7U);
        CHECK(test::text_of(marks) == "mark\n");
    }
}

TEST_CASE("a client whose every connection lives for five frames gets all of the output",
          "[exec-attach][exec][process]") {
    constexpr std::uint64_t size = 600'000;
    // What is said once, which goes ahead of data, is STARTED, EXIT and the end of stderr.
    constexpr std::size_t frames = 5;
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    const auto request = test::exec_request(payload({"sequence", "stdout", "600000"}), "patient");
    Follower follower;
    std::size_t connections = 0;
    {
        auto stream = FrameConnection::exec(agent.endpoint(), request);
        follower.follow(stream, frames);
    }
    for (; follower.next < size; ++connections) {
        auto stream = FrameConnection::attach(agent.endpoint(), "patient",
                                              fmt::format(R"({{"stdout":{}}})", follower.next));
        follower.follow(stream, frames);
    }
    CHECK(follower.dropped == 0);
    CHECK(connections >= 4);
    auto last = FrameConnection::attach(agent.endpoint(), "patient",
                                        fmt::format(R"({{"stdout":{}}})", follower.next));
    follower.follow(last);
    CHECK(follower.next == size);
    CHECK(follower.code == 0U);
}
