// The stream form of POST /v1/exec.

#include "tests/unit/exec_rig.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using proto::FrameType;
using test::ExecRig;
using test::run_until;
namespace stream_id = proto::stream_id;

TEST_CASE("a stream carries stdin through the process and back", "[exec]") {
    ExecRig rig;
    rig.open_stream({"/bin/cat"});
    CHECK(rig.comes(FrameType::started));
    std::string sent;
    for (int i = 0; i < 20; ++i) {
        const std::string piece(3000, static_cast<char>('a' + i));
        rig.send(FrameType::data, stream_id::in, sent.size(), piece);
        sent += piece;
    }
    CHECK(run_until(rig.supervise.io, [&] {
        rig.take_frames();
        return rig.output[stream_id::out] == sent;
    }));
    rig.send(FrameType::eos, stream_id::in, sent.size(), "{\"how\":\"closed\"}");
    CHECK(rig.comes(FrameType::exit));
    CHECK_THAT(rig.last(FrameType::exit), ContainsSubstring("\"code\":0"));
    CHECK(rig.ends());
    CHECK_THAT(rig.last(FrameType::eos, stream_id::out), ContainsSubstring("closed"));
    CHECK_THAT(rig.last(FrameType::ack, stream_id::in), ContainsSubstring("\"eos\":true"));
    CHECK(rig.frames[{FrameType::ack, stream_id::in}].back().header.offset == sent.size());
    CHECK(rig.sessions.counters().running == 0);
    CHECK(rig.escapes.empty());
}

TEST_CASE("outputs are kept apart, and megabytes come whole", "[exec]") {
    ExecRig rig;
    rig.open_stream({"/bin/sh", "-c",
                     "head -c 2000000 /dev/zero & head -c 1000000 /dev/zero >&2; "
                     "wait; exit 3"});
    CHECK(rig.ends());
    CHECK(rig.output[stream_id::out] == std::string(2000000, '\0'));
    CHECK(rig.output[stream_id::err] == std::string(1000000, '\0'));
    CHECK_THAT(rig.last(FrameType::exit), ContainsSubstring("\"code\":3"));
}

TEST_CASE("a client that pauses pauses only its own command", "[exec][invariant]") {
    ExecRig rig;
    rig.acks = ExecRig::Acks::never;
    rig.open_stream({"/bin/sh", "-c", "head -c 1000000 /dev/zero"});
    CHECK(run_until(rig.supervise.io, [&] {
        rig.take_frames();
        return rig.output[stream_id::out].size() == proto::limits::exec_window;
    }));
    auto [near, far] = test::socket_pair(rig.supervise.io);
    test::Peer other(std::move(far));
    other.start_reading();
    rig.tasks.spawn("http", rig.server.serve(std::move(near)));
    const std::string body = "{\"argv\": [\"echo\", \"other\"]}";
    other.send(fmt::format("POST /v1/exec HTTP/1.1\r\nConnection: close\r\nContent-Length: "
                           "{}\r\n\r\n{}",
                           body.size(), body));
    CHECK(run_until(rig.supervise.io, [&] { return other.has("other\\n"); }));
    CHECK(rig.output[stream_id::out].size() == proto::limits::exec_window);
    other.close();
    rig.client->close();
    CHECK(rig.ends());
}

TEST_CASE("EXIT never waits for end of stream", "[exec][invariant]") {
    ExecRig rig;
    rig.open_stream({"/bin/sh", "-c", "tail -f /dev/null & echo $!"});
    CHECK(rig.comes(FrameType::exit));
    CHECK_FALSE(rig.frames.contains({FrameType::eos, stream_id::out}));
    CHECK(rig.ends());
    CHECK_THAT(rig.last(FrameType::eos, stream_id::out), ContainsSubstring("lingered"));
    const std::string grandchild = rig.output[stream_id::out];
    REQUIRE_FALSE(grandchild.empty());
    CHECK(ExecRig().plain("kill " + grandchild).exit->code == 0U);
}

TEST_CASE("bytes in the pipe at the exit come, however late they are acknowledged", "[exec]") {
    ExecRig rig;
    rig.acks = ExecRig::Acks::never;
    rig.open_stream({"/bin/sh", "-c", "head -c 100000 /dev/zero"});
    CHECK(rig.comes(FrameType::exit));
    // Past the drain deadline nothing has come but what the window allows.
    CHECK_FALSE(run_until(
        rig.supervise.io,
        [&] {
            rig.take_frames();
            return rig.frames.contains({FrameType::eos, stream_id::out});
        },
        2 * proto::limits::drain_deadline_exec));
    CHECK(rig.output[stream_id::out].size() == proto::limits::exec_window);
    rig.acks = ExecRig::Acks::at_once;
    rig.send(FrameType::ack, stream_id::out, proto::limits::exec_window, "{\"window\":1000000}");
    CHECK(rig.comes(FrameType::eos, stream_id::out));
    CHECK(rig.output[stream_id::out].size() == 100000);
    CHECK_THAT(rig.last(FrameType::eos, stream_id::out), ContainsSubstring("closed"));
    rig.client->close();
    CHECK(rig.ends());
}

TEST_CASE("a stream whose process does not start says so and ends", "[exec]") {
    ExecRig rig;
    rig.open_stream({"/nonexistent/program"});
    CHECK(rig.ends());
    CHECK_THAT(rig.last(FrameType::error), ContainsSubstring("\"kind\":\"spawn\""));
    CHECK_THAT(rig.last(FrameType::exit), ContainsSubstring("\"code\":127"));
    CHECK_FALSE(rig.frames.contains({FrameType::started, stream_id::none}));
    CHECK(rig.frames.contains({FrameType::eos, stream_id::err}));
    CHECK(rig.sessions.counters().failed_total == 1);
}

TEST_CASE("a signal frame reaches the process group", "[exec]") {
    ExecRig rig;
    rig.open_stream({"/bin/sh", "-c", "tail -f /dev/null"});
    CHECK(rig.comes(FrameType::started));
    rig.send(FrameType::signal, stream_id::none, 0, "{\"signal\":15}");
    CHECK(rig.comes(FrameType::exit));
    CHECK_THAT(rig.last(FrameType::exit), ContainsSubstring("\"signal\":15"));
    CHECK(rig.ends());
}

TEST_CASE("a bad frame ends its session with an ERROR, never the agent", "[exec][invariant]") {
    struct Row {
        FrameType type;
        std::uint8_t stream;
        std::uint64_t offset;
        std::string payload;
    };
    const std::vector<Row> rows{
        {FrameType::data, stream_id::in, 0, std::string(28 * 1024 + 1, 'x')}, // length
        {FrameType::data, stream_id::in, 5, "gap"},
        {FrameType::data, stream_id::out, 0, "not ours"},
        {FrameType::eos, stream_id::in, 5, "{}"},
        {FrameType::ack, stream_id::out, 1, "{\"window\":1}"},
        {FrameType::ack, stream_id::out, 0, "rubbish"},
        {FrameType::signal, stream_id::none, 0, "{\"signal\":65}"},
    };
    for (const Row& row : rows) {
        ExecRig rig;
        rig.open_stream({"/bin/sh", "-c", "tail -f /dev/null"});
        CHECK(rig.comes(FrameType::started));
        rig.send(row.type, row.stream, row.offset, row.payload);
        CHECK(rig.ends());
        CHECK_THAT(rig.last(FrameType::error), ContainsSubstring("\"kind\":\"protocol\""));
        CHECK(rig.escapes.empty());
    }
}

TEST_CASE("unknown frames are skipped and pings answered", "[exec]") {
    ExecRig rig;
    rig.open_stream({"/bin/cat"});
    rig.send(static_cast<FrameType>(200), 7, 1, "future");
    rig.send(FrameType::ping, stream_id::none, 0, "there?");
    CHECK(rig.comes(FrameType::pong));
    CHECK(rig.last(FrameType::pong) == "there?");
    rig.client->close();
    CHECK(rig.ends());
}

TEST_CASE("a client that vanishes takes its process group along", "[exec]") {
    ExecRig rig;
    rig.open_stream({"/bin/sh", "-c", "tail -f /dev/null & tail -f /dev/null; wait"});
    CHECK(rig.comes(FrameType::started));
    rig.client->close();
    CHECK(rig.ends());
    CHECK(rig.sessions.counters().running == 0);
}

TEST_CASE("input for a process that closed its stdin is acknowledged and thrown away", "[exec]") {
    ExecRig rig;
    rig.open_stream({"/bin/sh", "-c", "exec <&-; echo closed; tail -f /dev/null"});
    CHECK(run_until(rig.supervise.io, [&] {
        rig.take_frames();
        return rig.output[stream_id::out] == "closed\n";
    }));
    rig.send(FrameType::data, stream_id::in, 0, "nobody reads this");
    CHECK(rig.comes(FrameType::ack, stream_id::in));
    CHECK(rig.frames[{FrameType::ack, stream_id::in}].back().header.offset == 17);
    rig.client->close();
    CHECK(rig.ends());
}
