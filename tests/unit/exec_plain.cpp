// The plain form of POST /v1/exec, and the windows of the stream form.

#include "agent/exec/window.hpp"
#include "tests/unit/exec_rig.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace rouse;
using test::ExecRig;
using test::run_until;

TEST_CASE("a plain exec answers output, errors and the exit status", "[exec]") {
    ExecRig rig;
    const auto result = rig.plain("cat; echo oops >&2; exit 7", "some\ninput");
    CHECK(result.out.bytes == "some\ninput");
    CHECK(result.err.bytes == "oops\n");
    REQUIRE(result.exit);
    CHECK(result.exit->code == 7U);
    const auto killed = rig.plain("kill -KILL $$");
    CHECK(killed.exit->signal == 9U);
    CHECK(rig.sessions.counters().started_total == 2);
    CHECK(rig.sessions.counters().running == 0);
    CHECK(rig.escapes.empty());
}

TEST_CASE("every exit code comes back", "[exec]") {
    ExecRig rig;
    for (std::uint64_t code = 0; code < 256; code += 17)
        CHECK(rig.plain("exit " + std::to_string(code)).exit->code == code);
}

TEST_CASE("a plain exec that does not start says why", "[exec]") {
    ExecRig rig;
    proto::ExecRequest wanted;
    wanted.command.argv = {"/nonexistent/program"};
    const auto result = rig.plain(wanted);
    CHECK_FALSE(result.exit);
    REQUIRE(result.error);
    CHECK(result.error->error == ENOENT);
    CHECK(rig.sessions.counters().failed_total == 1);
}

TEST_CASE("a grandchild that holds stdout never delays the answer", "[exec][invariant]") {
    ExecRig rig;
    const auto result = rig.plain("tail -f /dev/null & echo $!");
    CHECK(result.exit->code == 0U);
    REQUIRE_FALSE(result.out.bytes.empty());
    const auto ended = rig.plain("kill " + result.out.bytes);
    CHECK(ended.exit->code == 0U);
}

TEST_CASE("output beyond the limit is read and counted", "[exec]") {
    ExecRig rig;
    const auto result = rig.plain("yes | head -c 3000000");
    CHECK(result.out.bytes.size() == proto::limits::captured_output);
    CHECK(result.out.truncated == 3000000 - proto::limits::captured_output);
}

TEST_CASE("what a plain exec cannot serve is refused clearly", "[exec]") {
    ExecRig rig;
    rig.request("{\"argv\": [], \"misspelt\": 1}");
    CHECK(run_until(rig.supervise.io, [&] { return rig.client->has("HTTP/1.1 400 "); }));
    rig.gate_open = false;
    rig.request("{\"argv\": [\"/bin/true\"]}");
    CHECK(run_until(rig.supervise.io, [&] { return rig.client->has("HTTP/1.1 503 "); }));
    CHECK(run_until(rig.supervise.io, [&] { return rig.client->has("step 'confirm'"); }));
    rig.request("{\"argv\": [\"/bin/true\"]}",
                "Connection: Upgrade\r\nUpgrade: rouse-stream.v1\r\n");
    CHECK(run_until(rig.supervise.io, [&] {
        return rig.client->received().rfind("HTTP/1.1 503 ") != rig.client->received().find("503");
    }));
}

TEST_CASE("a client that goes away takes its plain exec along", "[exec]") {
    ExecRig rig;
    rig.request("{\"argv\": [\"/bin/sh\", \"-c\", \"tail -f /dev/null\"]}");
    CHECK(run_until(rig.supervise.io, [&] { return rig.sessions.counters().started_total == 1; }));
    rig.client->close();
    CHECK(rig.ends());
    CHECK(rig.sessions.counters().running == 0);
}

TEST_CASE("a send window never goes back and never covers what was not sent", "[exec]") {
    exec::SendWindow window(100);
    window.send(100);
    CHECK(window.credit() == 0);
    CHECK(window.wants_ack());
    CHECK(window.acknowledge(60, {.window = 100, .eos = false}).has_value());
    CHECK(window.credit() == 60);
    CHECK(window.acknowledge(70, {.window = 0, .eos = false}).has_value());
    CHECK(window.credit() == 60); // granted is granted
    CHECK_FALSE(window.acknowledge(69, {.window = 100, .eos = false}).has_value());
    CHECK_FALSE(window.acknowledge(101, {.window = 100, .eos = false}).has_value());
    CHECK(window.acknowledge(100, {.window = UINT64_MAX, .eos = false}).has_value());
    CHECK(window.credit() == UINT64_MAX - 100);
    CHECK_FALSE(window.all_acknowledged());
    CHECK(window.acknowledge(100, {.window = 0, .eos = true}).has_value());
    CHECK(window.all_acknowledged());
}

TEST_CASE("a receive window refuses gaps, excess and bytes after the end", "[exec]") {
    exec::ReceiveWindow window(10);
    const auto data = [](std::uint64_t offset, std::uint32_t length) {
        proto::FrameHeader header;
        header.offset = offset;
        header.length = length;
        return header;
    };
    CHECK(window.receive(data(0, 10)).has_value());
    CHECK_FALSE(window.receive(data(9, 1)).has_value());
    CHECK_FALSE(window.receive(data(10, 1)).has_value());
    window.consume(10);
    CHECK(window.wants_ack());
    CHECK_FALSE(window.receive(data(10, 1)).has_value()); // consumed, but not yet granted
    (void)window.ack(0, false);
    CHECK(window.receive(data(10, 1)).has_value());
    CHECK_FALSE(window.end(10).has_value());
    CHECK(window.end(11).has_value());
    CHECK_FALSE(window.end(11).has_value());
    CHECK_FALSE(window.receive(data(11, 1)).has_value());
}
