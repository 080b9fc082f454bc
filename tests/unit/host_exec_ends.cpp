// How a session's client begins and ends: gaps, attaching, refusals, signals, leaving.
#include "proto/output.hpp"
#include "tests/unit/host_session_rig.hpp"

#include <catch2/generators/catch_generators_all.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <csignal>

using namespace rouse;
using namespace rouse::test;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

std::string refusal(unsigned status, const std::string& fields, const std::string& message) {
    const std::string body = R"({"error":{"kind":"x","message":")" + message + R"("}})";
    return fmt::format("HTTP/1.1 {} Status\r\n{}Content-Length: {}\r\n\r\n{}", status, fields,
                       body.size(), body);
}

std::string error_frame(const std::string& kind) {
    return proto::encode({.type = proto::FrameType::error},
                         R"({"kind":")" + kind + R"(","message":"m"})");
}

} // namespace

TEST_CASE("what the guest no longer keeps is told and counted", "[host][session]") {
    SessionRig rig;
    rig.guest.cuts = {{.after_sent = 700}};
    bool ended = false;
    std::optional<host::Outcome<host::ExecEnd>> end;
    boost::asio::co_spawn(rig.io,
                          rig.client.run(rig.request(), rig.source(), host::Clock::now() + 5s),
                          [&](const std::exception_ptr&, host::Outcome<host::ExecEnd> how) {
                              end = std::move(how);
                              ended = true;
                          });
    REQUIRE(run_until(rig.io, [&] { return rig.connections == 1; }));
    rig.guest.oldest = 2000; // while nobody was there
    REQUIRE(run_until(rig.io, [&] { return ended; }));
    REQUIRE(end->has_value());
    const std::uint64_t lost = (*end)->lost;
    CHECK(lost == 3000 - rig.out.size());
    CHECK(rig.out.ends_with(SessionRig::numbers(3000).substr(2000)));
    REQUIRE(rig.notices.size() == 1);
    CHECK(rig.notices[0] == fmt::format("{} bytes of stdout are lost here", lost));
    CHECK(rig.guest.complaints() == std::vector<std::string>());
}

TEST_CASE("whoever attaches begins where it was said, or with what is kept", "[host][session]") {
    SessionRig rig;
    rig.guest.oldest = 1000;
    const auto [from, expected, lost] =
        GENERATE(std::tuple(proto::AttachRequest{}, 1000U, 0U),
                 std::tuple(proto::AttachRequest{.out = 2500, .err = {}}, 2500U, 0U),
                 std::tuple(proto::AttachRequest{.out = 100, .err = {}}, 1000U, 900U));
    const auto end = rig.attach(from);
    REQUIRE(end.has_value());
    CHECK(rig.out == SessionRig::numbers(3000).substr(expected));
    CHECK(end->lost == lost);
    CHECK(rig.guest.in() == SessionRig::numbers(2000));
}

TEST_CASE("whoever only looks sends nothing", "[host][session]") {
    SessionRig rig;
    rig.guest.last_word = error_frame("ended");
    boost::asio::co_spawn(
        rig.io,
        rig.client.attach({.id = "other", .from = {.out = {}, .err = {}, .control = false}},
                          rig.source(), host::Clock::now() + 5s),
        [](const std::exception_ptr&, const auto&) {});
    REQUIRE(run_until(rig.io, [&] { return rig.out.size() == 3000; }));
    CHECK(rig.guest.in().empty());
    CHECK_FALSE(rig.guest.in_ended());
    rig.client.abandon();
    REQUIRE(run_until(rig.io, [&] { return rig.io.stopped() || rig.input.size() == 2000; }));
}

TEST_CASE("another client that takes over ends this one without another try", "[host][session]") {
    SessionRig rig;
    rig.guest.last_word = error_frame("replaced");
    const auto end = rig.run();
    REQUIRE(end.has_error());
    CHECK_THAT(end.error().message, ContainsSubstring("another client controls session"));
    CHECK(rig.guest.requests().size() == 1);
}

TEST_CASE("a session that is gone when its client comes back is a clear error", "[host][session]") {
    SessionRig rig;
    rig.guest.cuts = {{.after_sent = 600}};
    std::optional<host::Outcome<host::ExecEnd>> end;
    boost::asio::co_spawn(
        rig.io, rig.client.run(rig.request(), rig.source(), host::Clock::now() + 5s),
        [&](const std::exception_ptr&, host::Outcome<host::ExecEnd> how) { end = std::move(how); });
    REQUIRE(run_until(rig.io, [&] { return rig.connections == 1; }));
    const unsigned status = GENERATE(404U, 410U);
    rig.guest.refusals = {refusal(status, "", "no such session")};
    REQUIRE(run_until(rig.io, [&] { return end.has_value(); }));
    REQUIRE(end->has_error());
    CHECK_THAT(end->error().message,
               ContainsSubstring(fmt::format("no such session (status {})", status)));
    CHECK_THAT(end->error().message, ContainsSubstring("lost the connection"));
    CHECK(rig.guest.requests().size() == 2);
}

TEST_CASE("a restore that goes on is waited for, a refusal for good is not", "[host][session]") {
    SessionRig rig;
    SECTION("503 with Retry-After") {
        rig.guest.refusals = {refusal(503, "Retry-After: 0\r\n", "not ready"),
                              refusal(503, "Retry-After: 0\r\n", "not ready")};
        check_whole(rig, rig.run());
        CHECK(rig.guest.requests().size() == 3);
    }
    SECTION("503 without") {
        rig.guest.refusals = {refusal(503, "", "too many sessions")};
        CHECK_THAT(rig.run().error().message, ContainsSubstring("too many sessions"));
        CHECK(rig.guest.requests().size() == 1);
    }
}

TEST_CASE("a guest that does not come back is given up after the grace", "[host][session]") {
    SessionRig rig;
    rig.grace = 1ms;
    rig.guest.cuts = {{.after_sent = 600}};
    for (int n = 0; n < 1000; ++n)
        rig.guest.cuts.push_back({.after_sent = 0});
    const auto end = rig.run();
    REQUIRE(end.has_error());
    CHECK_THAT(end.error().message, ContainsSubstring("lost the connection"));
    REQUIRE(rig.notices.size() == 1);
    CHECK_THAT(rig.notices[0], ContainsSubstring("attaching again"));
}

TEST_CASE("a guest that was set back behind the stdin that it had is not fed the rest",
          "[host][session]") {
    SessionRig rig;
    rig.guest.cuts = {{.after_received = 1500}};
    std::optional<host::Outcome<host::ExecEnd>> end;
    boost::asio::co_spawn(
        rig.io, rig.client.run(rig.request(), rig.source(), host::Clock::now() + 5s),
        [&](const std::exception_ptr&, host::Outcome<host::ExecEnd> how) { end = std::move(how); });
    REQUIRE(run_until(rig.io, [&] { return rig.guest.in().size() > 600; }));
    rig.guest.cuts = {{.after_sent = 0}}; // the next one fails, so that there is time
    REQUIRE(run_until(rig.io, [&] { return rig.guest.requests().size() == 2; }));
    rig.guest.set_back();
    REQUIRE(run_until(rig.io, [&] { return end.has_value(); }));
    REQUIRE(end->has_error());
    CHECK_THAT(end->error().message, ContainsSubstring("set back"));
}

TEST_CASE("signals and sizes wait for the connection, and a detach for the guest's word",
          "[host][session]") {
    SessionRig rig;
    rig.client.signal(SIGUSR1);
    rig.client.resize({.rows = 7, .columns = 9});
    rig.client.detach();
    const auto end = rig.run();
    REQUIRE(end.has_value());
    CHECK(end->detached);
    CHECK_FALSE(end->exit);
    std::vector<proto::FrameType> types;
    for (const proto::Frame& frame : rig.guest.controls())
        types.push_back(frame.header.type);
    CHECK(types == std::vector{proto::FrameType::signal, proto::FrameType::resize,
                               proto::FrameType::detach});
    CHECK(proto::parse_terminal_size(rig.guest.controls()[1].payload).value().columns == 9);
}

TEST_CASE("a client that gives up kills what nobody could come back to", "[host][session]") {
    SessionRig rig;
    rig.guest.out += " and more";
    rig.guest.last_word = proto::encode({.type = proto::FrameType::pong}, "instead of the end");
    std::optional<host::Outcome<host::ExecEnd>> end;
    boost::asio::co_spawn(
        rig.io, rig.client.run(rig.request(), rig.source(), host::Clock::now() + 5s),
        [&](const std::exception_ptr&, host::Outcome<host::ExecEnd> how) { end = std::move(how); });
    REQUIRE(run_until(rig.io, [&] { return rig.out.size() > 3000; }));
    rig.client.abandon();
    (void)run_until(rig.io, [&] { return end && !rig.guest.controls().empty(); });
    INFO("ended " << end.has_value() << ", frames " << rig.guest.controls().size());
    REQUIRE((end && !rig.guest.controls().empty()));
    CHECK(end->has_error());
    CHECK(proto::parse_signal_request(rig.guest.controls()[0].payload).value().signal == SIGKILL);
}

TEST_CASE("a guest that cannot be reached from the start fails at once", "[host][session]") {
    SessionRig rig;
    host::Dialer nowhere(rig.io.get_executor(), host::parse_target("unix:/nowhere/at/all").value());
    host::ExecClient client(nowhere, [&](std::uint8_t stream, std::string_view bytes) {
        return rig.keep(stream, bytes);
    });
    const auto began = host::Clock::now();
    const auto end = await(rig.io, client.run(rig.request(), {}, began + 5s));
    REQUIRE(end.has_error());
    CHECK_THAT(end.error().message, ContainsSubstring("cannot reach 'unix:/nowhere/at/all'"));
    CHECK(host::Clock::now() - began < 4s);
}
