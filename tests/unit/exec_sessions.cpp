// Sessions: they outlive connections, and an id never runs twice.

#include "proto/exec_stream.hpp"
#include "tests/unit/exec_rig.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <vector>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using proto::FrameType;
using test::ExecRig;
using test::run_until;
namespace stream_id = proto::stream_id;
using namespace std::chrono_literals;

namespace {

/// The client's connection is gone; a new one takes its place.
void reconnect(ExecRig& rig) {
    rig.client->close();
    CHECK(run_until(rig.supervise.io, [&] { return rig.tasks.size() == 0; }));
    rig.connect();
}

pid_t pid_of(ExecRig& rig) {
    return rig.sessions.all().front()->pid();
}

bool lives(pid_t pid) {
    return ::kill(pid, 0) == 0;
}

} // namespace

TEST_CASE("a session goes on while its client is away, and loses nothing", "[exec][session]") {
    ExecRig rig;
    rig.open_stream(test::shell_request("echo one; read line; echo got $line; exit 4", "s1"));
    CHECK(run_until(rig.supervise.io, [&] {
        rig.take_frames();
        return rig.output[stream_id::out] == "one\n";
    }));
    reconnect(rig);
    rig.frames.clear();
    rig.attach("s1", R"({"stdout":4,"stderr":0})");
    CHECK(rig.comes(FrameType::started));
    const auto started = proto::parse_started(rig.last(FrameType::started));
    CHECK(started->id == "s1");
    CHECK(started->out == 4);
    CHECK(started->in == 0);
    CHECK(started->control);
    rig.send(FrameType::data, stream_id::in, 0, "two\n");
    CHECK(rig.comes(FrameType::exit));
    CHECK_THAT(rig.last(FrameType::exit), ContainsSubstring("\"code\":4"));
    CHECK(rig.ends());
    CHECK(rig.output[stream_id::out] == "one\ngot two\n");
    CHECK(rig.escapes.empty());
}

TEST_CASE("a client that comes back has acknowledged what it does not ask for", "[exec][session]") {
    ExecRig rig;
    rig.acks = ExecRig::Acks::never;
    rig.open_stream(test::shell_request("head -c 100000 /dev/zero", "s1"));
    const std::size_t window = proto::limits::exec_window;
    CHECK(run_until(rig.supervise.io, [&] {
        rig.take_frames();
        return rig.output[stream_id::out].size() == window;
    }));
    reconnect(rig);
    rig.acks = ExecRig::Acks::at_once;
    rig.attach("s1", fmt::format(R"({{"stdout":{},"stderr":0}})", window));
    CHECK(rig.ends());
    CHECK(rig.output[stream_id::out].size() == 100000);
}

TEST_CASE("stdin goes on where the session has it", "[exec][session]") {
    ExecRig rig;
    rig.open_stream(test::shell_request("cat", "s1"));
    CHECK(rig.comes(FrameType::started));
    rig.send(FrameType::data, stream_id::in, 0, "first ");
    CHECK(run_until(rig.supervise.io,
                    [&] { return rig.sessions.find("s1")->input().received() == 6; }));
    reconnect(rig);
    rig.attach("s1", "{}");
    rig.frames.clear();
    CHECK(rig.comes(FrameType::started));
    CHECK(proto::parse_started(rig.last(FrameType::started))->in == 6);
    rig.send(FrameType::data, stream_id::in, 6, "second");
    rig.send(FrameType::eos, stream_id::in, 12, "{}");
    CHECK(rig.ends());
    CHECK(rig.output[stream_id::out].ends_with("second"));
    CHECK(rig.sessions.find("s1")->output(stream_id::out).kept().all() == "first second");
}

TEST_CASE("the same request with the same id finds its session", "[exec][session]") {
    ExecRig rig;
    const auto wanted = test::shell_request("echo once; exit 3", "s1");
    CHECK(rig.plain(wanted).out.bytes == "once\n");
    const auto again = rig.plain(wanted);
    CHECK(again.out.bytes == "once\n");
    CHECK(again.exit->code == 3U);
    CHECK(rig.sessions.counters().started_total == 1);
    auto other = wanted;
    other.command.env["A"] = "b";
    CHECK_THAT(rig.ask(other), ContainsSubstring("409") && ContainsSubstring("conflict"));
    CHECK(rig.sessions.counters().started_total == 1);
}

TEST_CASE("an id posted a hundred times at once starts one process", "[exec][session]") {
    ExecRig rig;
    const std::string body =
        boost::json::serialize(proto::to_json(test::shell_request("read x; echo $$", "s1")));
    std::vector<test::Peer*> peers;
    for (int i = 0; i < 100; ++i) {
        peers.push_back(&rig.add_client());
        peers.back()->send(fmt::format("POST /v1/exec HTTP/1.1\r\nConnection: close\r\n"
                                       "Content-Length: {}\r\n\r\n{}",
                                       body.size(), body));
    }
    CHECK(run_until(rig.supervise.io, [&] {
        return std::all_of(peers.begin(), peers.end(),
                           [](const test::Peer* peer) { return peer->has("\"code\":0"); });
    }));
    CHECK(rig.sessions.counters().started_total == 1);
    const std::string line = fmt::format("\"text\":\"{}\\n\"", pid_of(rig));
    for (const test::Peer* const peer : peers)
        CHECK(peer->has(line));
}

TEST_CASE("ids that were forgotten are refused, and never run again", "[exec][session]") {
    ExecRig rig;
    const auto wanted = test::shell_request("true", "old");
    (void)rig.plain(wanted);
    for (std::size_t i = 0; i < proto::limits::sessions_remembered; ++i)
        (void)rig.plain(test::shell_request("true", fmt::format("n{}", i)));
    CHECK_THAT(rig.ask(wanted), ContainsSubstring("410") && ContainsSubstring("forgotten"));
    CHECK_THAT(rig.get("GET /v1/sessions/old"), ContainsSubstring("410"));
    CHECK_THAT(rig.get("GET /v1/sessions/never"), ContainsSubstring("404"));
    CHECK(rig.sessions.counters().started_total == proto::limits::sessions_remembered + 1);
}

TEST_CASE("who stays away beyond the grace loses the session, or only its control",
          "[exec][session]") {
    const bool keep = GENERATE(false, true);
    ExecRig rig;
    auto wanted = test::shell_request("tail -f /dev/null", "s1");
    wanted.session.reattach_grace = 100ms;
    if (keep) wanted.session.on_disconnect = proto::OnDisconnect::keep;
    rig.open_stream(wanted);
    CHECK(rig.comes(FrameType::started));
    const pid_t pid = pid_of(rig);
    reconnect(rig);
    const auto session = rig.sessions.find("s1");
    CHECK(run_until(rig.supervise.io, [&] { return session->life().detached(); }));
    if (keep) {
        CHECK(lives(pid));
        CHECK_FALSE(session->life().holds());
        (void)session->signal(SIGKILL);
    }
    CHECK(run_until(rig.supervise.io, [&] { return session->exit().has_value(); }));
    CHECK(session->exit()->signal == 9U);
    rig.client->close();
    CHECK(rig.ends());
}

TEST_CASE("a client that detaches leaves the session running", "[exec][session]") {
    ExecRig rig;
    rig.open_stream(test::shell_request("tail -f /dev/null", "s1"));
    CHECK(rig.comes(FrameType::started));
    rig.send(FrameType::detach, stream_id::none, 0, "{}");
    CHECK(rig.comes(FrameType::detach));
    CHECK(run_until(rig.supervise.io, [&] { return rig.tasks.size() == 0; }));
    const auto session = rig.sessions.find("s1");
    CHECK(session->life().detached());
    CHECK(session->life().phase() == exec::SessionLife::Phase::running);
    (void)session->signal(SIGKILL);
    CHECK(rig.ends());
}

TEST_CASE("the newest controller wins, others look", "[exec][session]") {
    ExecRig rig;
    rig.open_stream(test::shell_request("echo hi; read x", "s1"));
    CHECK(rig.comes(FrameType::data, stream_id::out));
    test::Peer& first = *rig.client;
    test::Peer& looker = rig.add_client();
    ExecRig::upgrade(looker, "/v1/sessions/s1/attach", R"({"control":false})");
    CHECK(run_until(rig.supervise.io, [&] { return looker.has("\"control\":false"); }));
    test::Peer& second = rig.add_client();
    ExecRig::upgrade(second, "/v1/sessions/s1/attach", "{}");
    CHECK(run_until(rig.supervise.io, [&] { return first.has("\"replaced\""); }));
    CHECK(run_until(rig.supervise.io, [&] { return second.has("hi\n"); }));
    CHECK(looker.has("hi\n"));
    CHECK_THAT(rig.get("GET /v1/sessions/s1"),
               ContainsSubstring("\"controlled\":true") && ContainsSubstring("\"readers\":1"));
    proto::FrameHeader header;
    header.type = FrameType::signal;
    looker.send(proto::encode(header, R"({"signal":9})"));
    CHECK(run_until(rig.supervise.io, [&] { return looker.has("\"read_only\""); }));
    second.send(proto::encode(header, R"({"signal":9})"));
    CHECK(run_until(rig.supervise.io, [&] { return second.has("\"signal\":9"); }));
}

TEST_CASE("a session is attached to from its start, its middle, and beyond what is kept",
          "[exec][session]") {
    ExecRig rig;
    auto wanted = test::shell_request("head -c 100000 /dev/zero; printf end", "s1");
    rig.open_stream(wanted);
    CHECK(run_until(rig.supervise.io, [&] {
        rig.take_frames();
        return rig.frames.contains({FrameType::exit, stream_id::none}) && rig.tasks.size() == 0;
    }));
    const std::uint64_t oldest = 100003 - proto::limits::exec_window;
    for (const std::uint64_t from : {std::uint64_t{0}, oldest, std::uint64_t{100000}}) {
        rig.connect();
        rig.frames.clear();
        rig.output[stream_id::out] = std::string(std::max(from, oldest), '\0');
        rig.attach("s1", fmt::format(R"({{"stdout":{}}})", from));
        CHECK(run_until(rig.supervise.io, [&] {
            rig.take_frames();
            return rig.tasks.size() == 0;
        }));
        CHECK(rig.output[stream_id::out].size() == 100003);
        CHECK(rig.output[stream_id::out].ends_with("end"));
        CHECK(rig.frames.contains({FrameType::dropped, stream_id::out}) == (from < oldest));
        CHECK(rig.frames.contains({FrameType::exit, stream_id::none}));
    }
    rig.connect();
    CHECK_THAT(rig.get("POST /v1/sessions/s1/attach", R"({"stdout":100004})",
                       "Connection: Upgrade\r\nUpgrade: rouse-stream.v1\r\n"),
               ContainsSubstring("416"));
}

TEST_CASE("a detached session runs without a client, and is found, waited for and signalled",
          "[exec][session]") {
    ExecRig rig;
    auto wanted = test::shell_request("echo out; tail -f /dev/null", "");
    wanted.session.detach = true;
    const std::string answer = rig.ask(wanted);
    CHECK_THAT(answer, ContainsSubstring("202") && ContainsSubstring("\"state\":\"running\""));
    const std::string id = rig.sessions.all().front()->id();
    CHECK_THAT(rig.get("GET /v1/sessions"), ContainsSubstring(id));
    CHECK_THAT(rig.get(fmt::format("GET /v1/sessions/{}/wait?timeout_ms=1", id)),
               ContainsSubstring("\"state\":\"running\""));
    CHECK_THAT(rig.get(fmt::format("POST /v1/sessions/{}/signal", id), R"({"signal":15})"),
               ContainsSubstring("200"));
    CHECK_THAT(rig.get(fmt::format("GET /v1/sessions/{}/wait", id)),
               ContainsSubstring("\"signal\":15"));
    CHECK_THAT(rig.get(fmt::format("POST /v1/sessions/{}/signal", id), R"({"signal":15})"),
               ContainsSubstring("409"));
    CHECK_THAT(rig.get(fmt::format("POST /v1/sessions/{}/resize", id), R"({"rows":1,"columns":1})"),
               ContainsSubstring("409") && ContainsSubstring("no_terminal"));
}

TEST_CASE("a timeout ends a session, first kindly and then not", "[exec][session]") {
    ExecRig rig;
    auto wanted = test::shell_request("trap '' TERM; echo ready; while :; do sleep 1; done", "");
    wanted.session.timeout = 200ms;
    wanted.session.kill_grace = 100ms;
    const auto killed = rig.plain(wanted);
    CHECK(killed.exit->signal == 9U);
    wanted.command.argv.back() = "trap 'exit 5' TERM; while :; do sleep 0.05; done";
    wanted.session.kill_grace = 20s;
    CHECK(rig.plain(wanted).exit->code == 5U);
}
