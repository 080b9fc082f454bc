// Exec sessions across a snapshot and a restore.
#include "proto/exec_stream.hpp"
#include "proto/output.hpp"
#include "tests/support/sequence.hpp"
#include "tests/vm/scenes.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

namespace rouse::test {

namespace {

constexpr std::uint64_t first_part = 100000;
constexpr std::uint64_t next_part = 300000; // more than is kept for a client that is away

proto::ExecRequest lasting_request(std::vector<std::string> argv, const std::string& id) {
    proto::ExecRequest request;
    request.command.argv = std::move(argv);
    request.session.id = id;
    // A machine in emulation may need long until it runs again.
    request.session.reattach_grace = std::chrono::minutes(5);
    return request;
}

/// Reads and acknowledges stdout from `offset` on until there are at least `least` bytes.
std::string read_output(FrameConnection& stream, std::uint64_t offset, std::uint64_t least) {
    std::string bytes;
    while (bytes.size() < least) {
        const proto::Frame frame = stream.receive().value();
        REQUIRE(frame.header.type != proto::FrameType::dropped);
        if (frame.header.type != proto::FrameType::data) continue;
        REQUIRE(frame.header.offset == offset + bytes.size());
        bytes += frame.payload;
        proto::Ack ack;
        ack.window = proto::limits::exec_window;
        REQUIRE(stream.send(proto::FrameType::ack, proto::to_json(ack), proto::stream_id::out,
                            offset + bytes.size()));
    }
    return bytes;
}

void type_line(FrameConnection& stream, std::uint64_t offset, std::string_view line) {
    proto::FrameHeader header;
    header.stream = proto::stream_id::in;
    header.offset = offset;
    REQUIRE(stream.send(header, line));
}

} // namespace

void LastingSessions::begin(const Endpoint& endpoint) {
    auto pipe = FrameConnection::exec(
        endpoint, lasting_request(payload({"sequence", "stdout", "64M"}), "pipe"));
    const std::string bytes = read_output(pipe, 0, first_part);
    CHECK(matching_sequence(1, 0, bytes) == bytes.size());
    received_ = bytes.size();
    auto request = lasting_request({"cat"}, "terminal");
    request.session.tty = proto::TerminalSize{.rows = 40, .columns = 100};
    auto terminal = FrameConnection::exec(endpoint, request);
    type_line(terminal, 0, "one\r");
    typed_ = 4;
    const std::string shown = read_output(terminal, 0, 10);
    CHECK(shown == "one\r\none\r\n");
    shown_ = shown.size();
}

void LastingSessions::go_on(const Endpoint& endpoint) {
    auto pipe =
        FrameConnection::attach(endpoint, "pipe", fmt::format(R"({{"stdout":{}}})", received_));
    const std::string bytes = read_output(pipe, received_, next_part);
    CHECK(matching_sequence(1, received_, bytes) == bytes.size());
    received_ += bytes.size();
    auto terminal =
        FrameConnection::attach(endpoint, "terminal", fmt::format(R"({{"stdout":{}}})", shown_));
    const auto started = proto::parse_started(terminal.expect(proto::FrameType::started).payload);
    REQUIRE(started.has_value());
    CHECK(started->in == typed_);
    type_line(terminal, started->in, "two\r");
    typed_ += 4;
    const std::string shown = read_output(terminal, shown_, 10);
    CHECK(shown == "two\r\ntwo\r\n");
    shown_ += shown.size();
}

} // namespace rouse::test
