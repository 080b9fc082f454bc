// An exec stream, from the host's side.
#include "proto/exec_stream.hpp"
#include "proto/link.hpp"
#include "proto/output.hpp"
#include "tests/unit/host_fake_guest.hpp"
#include "tools/host/exec_client.hpp"
#include "tools/host/files.hpp"
#include "tools/host/input.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include <fcntl.h>
#include <unistd.h>

using namespace rouse;
using namespace rouse::test;
using namespace std::chrono_literals;
using proto::FrameType;

namespace {

namespace json = boost::json;

constexpr const char* switching =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: rouse-stream.v1\r\n\r\n";

std::string frame_bytes(FrameType type, std::uint8_t stream, std::uint64_t offset,
                        const std::string& payload) {
    proto::FrameHeader header;
    header.type = type;
    header.stream = stream;
    header.offset = offset;
    return proto::encode(header, payload);
}

const std::string started = frame_bytes(FrameType::started, 255, 0, R"({"pid":5})");

std::string exit_frame(std::uint64_t code) {
    proto::ExitStatus status;
    status.code = code;
    return frame_bytes(FrameType::exit, proto::stream_id::none, 0,
                       json::serialize(to_json(status)));
}

std::string eos_frame(std::uint8_t stream, std::uint64_t offset) {
    return frame_bytes(FrameType::eos, stream, offset, R"({"how":"closed"})");
}

/// A plain guest: `reply` to the upgrade; frames of the host are gathered in `frames`.
struct ExecGuest {
    explicit ExecGuest(std::string reply, FakeServer::Answer more = {})
        : server(io, path,
                 [this, reply = std::move(reply), more = std::move(more)](
                     const std::string& received) -> std::optional<std::string> {
                     if (received.starts_with("CONNECT ")) return http_answer(400, "");
                     if (received.starts_with("POST ")) return reply;
                     decoder.append(received);
                     for (auto next = decoder.next(); next.value(); next = decoder.next())
                         frames.push_back(**next);
                     return more ? more(received) : std::optional<std::string>("");
                 }) {}

    host::Outcome<host::ExecEnd> run(host::Input* input = nullptr) {
        proto::ExecRequest request;
        request.command.argv = {"/bin/x"};
        host::ExecInput::Source source;
        if (input != nullptr) source = [input](std::size_t limit) { return input->read(limit); };
        return await(io, client.run(request, source, host::Clock::now() + 5s));
    }

    TemporaryDirectory directory;
    boost::asio::io_context io{1};
    std::string path = directory.path() / "v.sock";
    proto::FrameDecoder decoder;
    std::deque<proto::Frame> frames;
    FakeServer server;
    host::Dialer dialer{io.get_executor(), host::parse_target("unix:" + path).value()};
    std::string out;
    std::string err;
    host::ExecClient client{dialer, [this](std::uint8_t stream, std::string_view bytes) {
                                return keep(stream, bytes);
                            }};

    host::Awaitable<bool> keep(std::uint8_t stream, std::string_view bytes) {
        if (stream == proto::stream_id::out && out_is_stuck) {
            host::Timer never(io, host::Clock::time_point::max());
            (void)co_await never.async_wait(host::no_throw); // until the client gives up
            co_return false;
        }
        (stream == proto::stream_id::err ? err : out) += bytes;
        co_return true;
    }
    bool out_is_stuck = false;
};

} // namespace

TEST_CASE("an exec stream gives both outputs and the exit status", "[host]") {
    ExecGuest rig(switching + frame_bytes(FrameType::started, 255, 0, R"({"pid":5})") +
                  frame_bytes(FrameType::data, 1, 0, "hel") +
                  frame_bytes(FrameType::data, 2, 0, "oops") + exit_frame(3) +
                  frame_bytes(FrameType::data, 1, 3, "lo") + eos_frame(2, 4) + eos_frame(1, 5));
    const auto end = rig.run();
    REQUIRE(end.value().exit->code == 3);
    REQUIRE(rig.out == "hello");
    REQUIRE(rig.err == "oops");
}

TEST_CASE("a program that cannot be run is a failure with its stage", "[host]") {
    const proto::SpawnFailure failure{
        .stage = "exec", .error = 2, .message = "No such file", .path = "/bin/x"};
    ExecGuest rig(switching +
                  frame_bytes(FrameType::error, 255, 0, json::serialize(proto::to_json(failure))));
    REQUIRE(rig.run().value().failure == failure);
}

TEST_CASE("a refused upgrade is told in the guest's words", "[host]") {
    ExecGuest rig(http_answer(400, R"({"error":{"kind":"bad","message":"$.argv: is missing"}})"));
    REQUIRE(rig.run().error().message.ends_with("POST /v1/exec: $.argv: is missing (status 400)"));
}

TEST_CASE("output that leaves bytes out ends the exec", "[host]") {
    ExecGuest rig(switching + started + frame_bytes(FrameType::data, 1, 1, "x"));
    REQUIRE(rig.run().error().message.ends_with("DATA of stream 1 begins at 1 instead of 0"));
}

TEST_CASE("standard input goes out within its credit, and its end is said", "[host]") {
    const std::string sent(100'000, 'i');
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    const host::Descriptor read_end(ends[0]);
    host::Descriptor write_end(ends[1]);
    // The kernel's pipe holds 64 KiB; the rest follows when there is room, from the same thread.
    auto written = static_cast<std::size_t>(::write(write_end.get(), sent.data(), 65536));
    std::string received;
    bool ended = false;
    ExecGuest* current = nullptr;
    ExecGuest rig(switching + started, [&](const std::string&) -> std::optional<std::string> {
        std::string reply;
        for (; !current->frames.empty(); current->frames.pop_front()) {
            const proto::Frame& one = current->frames.front();
            if (one.header.type == FrameType::data) {
                REQUIRE(one.header.offset == received.size());
                received += one.payload;
                const proto::Ack ack{.window = 1000, .eos = false};
                reply +=
                    frame_bytes(FrameType::ack, 0, received.size(), json::serialize(to_json(ack)));
            }
            if (one.header.type == FrameType::eos && one.header.stream == 0) {
                ended = true;
                reply += exit_frame(0) + eos_frame(1, 0) + eos_frame(2, 0);
            }
        }
        if (written < sent.size() && received.size() > 40'000) {
            REQUIRE(::write(write_end.get(), sent.data() + written, sent.size() - written) > 0);
            written = sent.size();
        }
        if (received.size() == 65536 || received.size() == sent.size()) write_end.reset();
        return reply;
    });
    current = &rig;
    host::Input input(rig.io.get_executor(), read_end.get());
    REQUIRE(rig.run(&input).value().exit->code == 0);
    REQUIRE(received == sent);
    REQUIRE(ended);
}

TEST_CASE("a file is standard input, too, although no epoll takes it", "[host]") {
    std::string received;
    ExecGuest* current = nullptr;
    ExecGuest rig(switching + started, [&](const std::string&) -> std::optional<std::string> {
        for (const proto::Frame& one : current->frames)
            if (one.header.type == FrameType::data) received += one.payload;
        const bool done =
            !current->frames.empty() && current->frames.back().header.type == FrameType::eos;
        current->frames.clear();
        return done ? exit_frame(0) + eos_frame(1, 0) + eos_frame(2, 0) : std::string();
    });
    current = &rig;
    REQUIRE(host::replace_file(rig.directory.path() / "in", "from a file").has_value());
    std::FILE* file = std::fopen((rig.directory.path() / "in").c_str(), "re");
    REQUIRE(file != nullptr);
    host::Input input(rig.io.get_executor(), ::fileno(file));
    const auto end = rig.run(&input);
    REQUIRE(std::fclose(file) == 0);
    REQUIRE(end.value().exit->code == 0);
    REQUIRE(received == "from a file");
}

TEST_CASE("an output that nobody takes keeps neither the other nor the exit waiting", "[host]") {
    ExecGuest rig(switching + frame_bytes(FrameType::started, 255, 0, R"({"pid":1})") +
                  frame_bytes(FrameType::data, 1, 0, "stuck") +
                  frame_bytes(FrameType::data, 2, 0, "goes on") + exit_frame(3) + eos_frame(1, 5) +
                  eos_frame(2, 7));
    rig.out_is_stuck = true;
    proto::ExecRequest request;
    request.command.argv = {"/bin/x"};
    bool ended = false;
    boost::asio::co_spawn(rig.io, rig.client.run(request, {}, host::Clock::now() + 5s),
                          [&](const std::exception_ptr&, const auto&) { ended = true; });
    const auto acked_end = [&] {
        return std::any_of(rig.frames.begin(), rig.frames.end(), [](const proto::Frame& one) {
            return one.header.type == FrameType::ack && one.header.stream == 2 &&
                   proto::parse_ack(one.payload).value().eos;
        });
    };
    REQUIRE(run_until(rig.io, acked_end));
    CHECK(rig.err == "goes on");
    CHECK_FALSE(ended);
    rig.client.abandon(); // as the third signal does
    REQUIRE(run_until(rig.io, [&] { return ended; }));
}
