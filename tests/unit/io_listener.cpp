// Listener, connect and frame streams, on Unix sockets.

#include "agent/io/connect.hpp"
#include "agent/io/frame_stream.hpp"
#include "agent/io/listener.hpp"
#include "agent/io/peer.hpp"
#include "agent/io/task_group.hpp"
#include "tests/support/peer.hpp"
#include "tests/support/run_until.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch_test_macros.hpp>

#include <array>
#include <cstring>
#include <filesystem>
#include <vector>

#include <linux/vm_sockets.h>
#include <sys/socket.h>

using namespace rouse;
using namespace std::chrono_literals;
using test::run_until;

namespace {

/// A loop with a listener on a path of its own.
struct House {
    House() {
        listener.set_on_accept(
            [this](io::Socket socket) { accepted.push_back(std::move(socket)); });
        listener.set_limit(
            3, [this] { return accepted.size(); }, "too many");
        listener.set_on_refuse(
            [this](const std::string&, const std::string& why) { refused = why; });
    }
    [[nodiscard]] io::Socket dial() {
        io::Socket socket(loop, io::asio::generic::stream_protocol(AF_UNIX, 0));
        const auto native = io::to_socket_address(address);
        if (::connect(socket.native_handle(), native->get(), native->size) != 0)
            throw std::runtime_error(std::strerror(errno));
        return socket;
    }

    test::TemporaryDirectory directory;
    io::Address address = io::UnixAddress{(directory.path() / "socket").string()};
    io::asio::io_context loop;
    io::Listener listener{loop.get_executor(), address};
    io::TaskGroup tasks{loop.get_executor(), [](const std::string&, const std::string&) {}};
    std::vector<io::Socket> accepted;
    std::string refused;
};

io::Awaitable<> dial(io::Address address, std::optional<sys::Result<io::Socket>>& result) {
    const io::Executor executor = co_await io::asio::this_coro::executor;
    io::Awaitable<sys::Result<io::Socket>> connecting = io::connect(executor, address, 1s);
    result.emplace(co_await std::move(connecting));
}

std::string data_frame(char fill, std::size_t size) {
    proto::FrameHeader header;
    header.stream = proto::stream_id::out;
    return proto::encode(header, std::string(size, fill));
}

io::Awaitable<> write_frame(io::FrameStream& stream, std::string frame, io::error_code& outcome) {
    io::Awaitable<io::error_code> writing = stream.write(std::move(frame));
    outcome = co_await std::move(writing);
}

io::Awaitable<> read_frame(io::FrameStream& stream, std::optional<io::FrameRead>& result) {
    io::Awaitable<io::FrameRead> reading = stream.read();
    result.emplace(co_await std::move(reading));
}

} // namespace

TEST_CASE("addresses have one text form", "[io]") {
    for (const char* text : {"vsock:2:4001", "vsock:any:1001", "unix:/run/rouse/debug.sock"}) {
        const auto address = io::parse_address(text);
        REQUIRE(address);
        CHECK(io::to_text(*address) == text);
    }
    for (const char* text : {"", "vsock:2", "vsock:2:x", "vsock:-1:1", "unix:", "tcp:1"})
        CHECK_FALSE(io::parse_address(text));
    CHECK_FALSE(io::to_socket_address(io::UnixAddress{std::string(108, 'x')}));
}

TEST_CASE("only the host is served", "[io][invariant]") {
    for (const unsigned cid : {0U, 1U, 2U, 3U, 4294967295U}) {
        const auto peer = io::to_socket_address(io::VsockAddress{cid, 1023});
        CHECK(io::is_served(-1, *peer) == (cid == VMADDR_CID_HOST));
    }
}

TEST_CASE("a listener serves its own user, up to its limit, on a socket of mode 0600", "[io]") {
    House house;
    REQUIRE(house.listener.open());
    const auto path = std::get<io::UnixAddress>(house.address).path;
    CHECK(std::filesystem::status(path).permissions() ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
    house.tasks.spawn("listener", house.listener.run());
    std::vector<io::Socket> clients;
    for (int i = 0; i < 4; ++i)
        clients.push_back(house.dial());
    CHECK(run_until(house.loop, [&] { return house.listener.counters().over_limit == 1; }));
    CHECK(house.accepted.size() == 3);
    CHECK(house.refused == "too many connections");
    std::array<char, 100> told{};
    CHECK(::recv(clients.back().native_handle(), told.data(), told.size(), 0) == 8);
    CHECK(std::string_view(told.data()) == "too many");
    CHECK(::recv(clients.back().native_handle(), told.data(), told.size(), 0) == 0);
    house.tasks.cancel();
    CHECK(run_until(house.loop, [&] { return house.tasks.size() == 0; }));
    house.listener.close();
    CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("a socket file is replaced only if nobody listens on it", "[io]") {
    House house;
    REQUIRE(house.listener.open());
    io::Listener second(house.loop.get_executor(), house.address);
    CHECK(second.open().error() == sys::error_from(EADDRINUSE));
    // A listener that died leaves its file behind.
    const auto path = std::get<io::UnixAddress>(house.address).path;
    std::filesystem::rename(path, path + ".kept");
    house.listener.close();
    std::filesystem::rename(path + ".kept", path);
    CHECK(second.open());
}

TEST_CASE("a rebind keeps the descriptor, drops the dead and serves the living", "[io]") {
    House house;
    REQUIRE(house.listener.open());
    house.tasks.spawn("listener", house.listener.run());
    const io::Socket living = house.dial();
    { const io::Socket dead = house.dial(); }
    const io::RebindOutcome outcome = house.listener.rebind();
    CHECK(outcome.served == 1);
    CHECK(outcome.dropped == 1);
    CHECK(outcome.listening);
    CHECK_FALSE(outcome.recreated);
    const io::Socket later = house.dial();
    CHECK(run_until(house.loop, [&] { return house.accepted.size() == 2; }));
    house.listener.close();
    CHECK(run_until(house.loop, [&] { return house.tasks.size() == 0; }));
}

TEST_CASE("a rebind makes a socket that no longer listens anew", "[io]") {
    House house;
    REQUIRE(house.listener.open());
    house.tasks.spawn("listener", house.listener.run());
    house.listener.close();
    CHECK_FALSE(house.listener.rebind().listening); // closed on purpose
    REQUIRE(house.listener.open());
    CHECK(house.listener.rebind().listening);
    house.tasks.cancel();
    CHECK(run_until(house.loop, [&] { return house.tasks.size() == 0; }));
}

TEST_CASE("connect gives a socket or says why not", "[io]") {
    House house;
    std::optional<sys::Result<io::Socket>> result;
    house.tasks.spawn("dial", dial(house.address, result));
    CHECK(run_until(house.loop, [&] { return house.tasks.size() == 0; }));
    CHECK(result->error() == sys::error_from(ENOENT));
    REQUIRE(house.listener.open());
    house.tasks.spawn("dial", dial(house.address, result));
    CHECK(run_until(house.loop, [&] { return house.tasks.size() == 0; }));
    CHECK(result->has_value());
}

TEST_CASE("control frames go ahead of data, and a blocked writer never stops the reader",
          "[io][invariant]") {
    io::asio::io_context loop;
    io::TaskGroup tasks(loop.get_executor(), [](const std::string&, const std::string&) {});
    auto [near, far] = test::socket_pair(loop);
    near.set_option(io::asio::socket_base::send_buffer_size(4096));
    test::Peer peer(std::move(far));
    io::FrameStream stream(near);
    io::error_code first;
    io::error_code second;
    tasks.spawn("first", write_frame(stream, data_frame('1', 28 * 1024), first));
    tasks.spawn("second", write_frame(stream, data_frame('2', 28 * 1024), second));
    CHECK_FALSE(run_until(
        loop, [&] { return tasks.size() == 0; }, 10ms));
    proto::FrameHeader pong;
    pong.type = proto::FrameType::pong;
    stream.post(proto::encode(pong, "now"));

    std::optional<io::FrameRead> read;
    tasks.spawn("reader", read_frame(stream, read));
    peer.send(data_frame('r', 1));
    CHECK(run_until(loop, [&] { return read.has_value(); }));
    CHECK(std::holds_alternative<proto::Frame>(*read));
    CHECK(tasks.size() == 2);

    peer.start_reading();
    CHECK(run_until(loop, [&] { return tasks.size() == 0; }));
    CHECK(run_until(loop, [&] { return peer.received().size() == 2 * 28688 + 19; }));
    CHECK(peer.received().find("now") == 28688 + 16);
    CHECK_FALSE(first);
    CHECK_FALSE(second);
}

TEST_CASE("a peer that makes us answer but never reads gets no more than the queue holds", "[io]") {
    io::asio::io_context loop;
    io::TaskGroup tasks(loop.get_executor(), [](const std::string&, const std::string&) {});
    auto [near, far] = test::socket_pair(loop);
    io::FrameStream stream(near);
    for (int i = 0; i < 100; ++i)
        stream.post(data_frame('x', 28 * 1024));
    CHECK(stream.queued() <= io::FrameStream::queue_limit);
    io::error_code outcome;
    tasks.spawn("write", write_frame(stream, data_frame('y', 1), outcome));
    CHECK(run_until(loop, [&] { return tasks.size() == 0; }));
    CHECK(outcome == sys::error_from(ENOBUFS));
    // Who reads the stream learns that it is over.
    std::optional<io::FrameRead> read;
    tasks.spawn("read", read_frame(stream, read));
    CHECK(run_until(loop, [&] { return tasks.size() == 0; }));
    CHECK(std::holds_alternative<io::StreamEnd>(*read));
}

TEST_CASE("a long frame that is on its way does not outlive its socket", "[io]") {
    io::asio::io_context loop;
    auto [near, far] = test::socket_pair(loop);
    auto socket = std::make_unique<io::Socket>(std::move(near));
    auto stream = std::make_unique<io::FrameStream>(*socket);
    stream->post(data_frame('x', 28 * 1024) + data_frame('y', 28 * 1024) + data_frame('z', 1000));
    // The kernel has taken the first packet, and the news of it is still to come.
    stream.reset();
    socket.reset();
    loop.run();
    CHECK(far.available() <= 28 * 1024);
}

TEST_CASE("a cut frame and a refused length are told apart", "[io]") {
    io::asio::io_context loop;
    io::TaskGroup tasks(loop.get_executor(), [](const std::string&, const std::string&) {});
    auto [near, far] = test::socket_pair(loop);
    io::FrameStream cut(near, data_frame('x', 100).substr(0, 50));
    far.close();
    std::optional<io::FrameRead> read;
    tasks.spawn("cut", read_frame(cut, read));
    CHECK(run_until(loop, [&] { return tasks.size() == 0; }));
    CHECK(std::get<io::StreamEnd>(*read).cut_off == 50);
    CHECK(std::get<io::StreamEnd>(*read).error == io::asio::error::eof);
    io::FrameStream refused(near, data_frame('x', 28 * 1024 + 1));
    tasks.spawn("refused", read_frame(refused, read));
    CHECK(run_until(loop, [&] { return tasks.size() == 0; }));
    CHECK(std::holds_alternative<proto::Problem>(*read));
}
