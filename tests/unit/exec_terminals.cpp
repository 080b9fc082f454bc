// Sessions on a terminal.

#include "tests/unit/exec_rig.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using proto::FrameType;
using test::ExecRig;
using test::run_until;
namespace stream_id = proto::stream_id;

TEST_CASE("a terminal is a terminal: size, job control, raw bytes", "[exec][session][tty]") {
    ExecRig rig;
    auto wanted = test::shell_request("tty && stty size; read x; stty size; exit 6", "s1");
    wanted.session.tty = proto::TerminalSize{.rows = 33, .columns = 99};
    rig.open_stream(wanted);
    CHECK(run_until(rig.supervise.io, [&] {
        rig.take_frames();
        return rig.output[stream_id::out].find("33 99\r\n") != std::string::npos;
    }));
    CHECK_THAT(rig.output[stream_id::out], ContainsSubstring("/dev/pts/"));
    rig.send(FrameType::resize, stream_id::none, 0, R"({"rows":40,"columns":120})");
    rig.send(FrameType::data, stream_id::in, 0, "\r");
    CHECK(rig.ends());
    CHECK_THAT(rig.output[stream_id::out], ContainsSubstring("40 120\r\n"));
    CHECK_THAT(rig.last(FrameType::exit), ContainsSubstring("\"code\":6"));
    CHECK(rig.frames.contains({FrameType::eos, stream_id::err}));
}

TEST_CASE("Ctrl-C on a terminal interrupts what runs in front", "[exec][session][tty]") {
    ExecRig rig;
    proto::ExecRequest wanted;
    wanted.command.argv = {"/bin/cat"};
    wanted.session.tty = proto::TerminalSize();
    rig.open_stream(wanted);
    CHECK(rig.comes(FrameType::started));
    rig.send(FrameType::data, stream_id::in, 0, "line\r");
    // Once from the terminal, which echoes, and once from cat, which therefore runs.
    CHECK(run_until(rig.supervise.io, [&] {
        rig.take_frames();
        return rig.output[stream_id::out] == "line\r\nline\r\n";
    }));
    rig.send(FrameType::data, stream_id::in, 5, "\x03");
    CHECK(rig.comes(FrameType::exit));
    CHECK_THAT(rig.last(FrameType::exit), ContainsSubstring("\"signal\":2"));
    CHECK(rig.ends());
}
