// What a workload says on its notification socket, and addresses of such sockets.
#include "agent/sys/datagram.hpp"
#include "agent/sys/pipe.hpp"
#include "agent/workload/notify_listener.hpp"
#include "proto/notify_address.hpp"
#include "tests/support/run_until.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/asio/co_spawn.hpp>
#include <catch2/catch_test_macros.hpp>

#include <array>
#include <cstring>
#include <vector>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace rouse;
using namespace std::chrono_literals;
using proto::NotifyAddress;
using proto::parse_notify_address;
using workload::NotifyMessage;
using workload::parse_notify_message;

TEST_CASE("a notification is lines of which the known ones count", "[workload]") {
    CHECK(parse_notify_message("") == NotifyMessage{});
    CHECK(parse_notify_message("READY=1").ready);
    CHECK(parse_notify_message("STATUS=busy\nREADY=1\n").ready);
    CHECK_FALSE(parse_notify_message("READY=0\nREADY").ready);
    CHECK(parse_notify_message("STOPPING=1") == NotifyMessage{});
    CHECK(parse_notify_message("STATUS=a=b").status == "a=b");
    CHECK(parse_notify_message("STATUS=").status == "");
    CHECK(parse_notify_message("STATUS=\xff").status == std::nullopt);
    CHECK(parse_notify_message("STATUS=" + std::string(255, 'x') + "ä").status ==
          std::string(255, 'x'));
    CHECK(parse_notify_message("EXTEND_TIMEOUT_USEC=5000").extend == 5ms);
    CHECK(parse_notify_message("EXTEND_TIMEOUT_USEC=soon").extend == std::nullopt);
    CHECK(parse_notify_message("EXTEND_TIMEOUT_USEC=18446744073709551615").extend == 24h);
}

TEST_CASE("every form of a notification address is read", "[workload]") {
    using Kind = NotifyAddress::Kind;
    const auto vsock = [](Kind kind) {
        return NotifyAddress{.kind = kind, .path = {}, .cid = 2, .port = 9999};
    };
    CHECK(parse_notify_address("vsock:2:9999").value() == vsock(Kind::vsock));
    CHECK(parse_notify_address("vsock-stream:2:9999").value() == vsock(Kind::vsock_stream));
    CHECK(parse_notify_address("vsock-dgram:2:9999").value() == vsock(Kind::vsock_datagram));
    CHECK(parse_notify_address("vsock-seqpacket:2:9999").value() == vsock(Kind::vsock_seqpacket));
    CHECK(parse_notify_address("/run/n").value() == NotifyAddress{.path = "/run/n"});
    CHECK(parse_notify_address("@n").value() == NotifyAddress{.path = "@n"});
}

TEST_CASE("what is no notification address is refused with a reason", "[workload]") {
    const auto why = [](std::string_view text) { return parse_notify_address(text).error().why; };
    CHECK(why("vsock:2") == "must have a CID and a port");
    CHECK(why("vsock:host:1") == "has no number as its CID");
    CHECK(why("vsock:2:") == "has no number as its port");
    CHECK(why("vsock:2:4294967295") == "has no number as its port");
    CHECK(why("vsock-stream:2:1x") == "has no number as its port");
    for (const char* const text : {"", "run/n", "unix:/n", "tcp:1:2"})
        CHECK(why(text) == "must be a path, @name, or vsock[-stream|-dgram|-seqpacket]:CID:PORT");
    CHECK(why("/") == "must name a socket");
    CHECK(why("/" + std::string(107, 'x')) ==
          "is longer than the 107 bytes that a socket's name may have");
    CHECK(parse_notify_address("/" + std::string(106, 'x')).has_value());
}

namespace {

struct Heard {
    explicit Heard(const std::string& directory) : listener(io.get_executor()) {
        REQUIRE(listener.open(directory, ::getuid()).has_value());
        boost::asio::co_spawn(
            io, listener.run([this](const NotifyMessage& message) { said.push_back(message); }),
            [](const std::exception_ptr&) {});
    }

    boost::asio::io_context io;
    workload::NotifyListener listener;
    std::vector<NotifyMessage> said;
};

} // namespace

TEST_CASE("a workload is heard at a path, and where there is none under a name", "[workload]") {
    const test::TemporaryDirectory directory;
    const std::string path = directory.path();
    for (const std::string& place : {path, std::string(), std::string("/nonexistent")}) {
        CAPTURE(place);
        Heard heard(place);
        CHECK(heard.listener.name().starts_with(place == path ? "/" : "@rouse/"));
        REQUIRE(sys::send_datagram(heard.listener.name(), "STATUS=up").has_value());
        REQUIRE(sys::send_datagram(heard.listener.name(), "READY=1").has_value());
        REQUIRE(test::run_until(heard.io, [&] { return heard.said.size() == 2; }));
        CHECK(heard.said[0].status == "up");
        CHECK(heard.said[1].ready);
    }
}

namespace {

/// A notification that passes descriptors on, as sd_notify_barrier(3) does.
void send_with(const std::string& name, std::string text, const std::vector<int>& descriptors) {
    const sys::UniqueFd sender(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path, sizeof address.sun_path - 1);
    iovec part{.iov_base = text.data(), .iov_len = text.size()};
    const std::size_t bytes = descriptors.size() * sizeof(int);
    std::vector<char> control(CMSG_SPACE(bytes));
    msghdr message{};
    message.msg_name = &address;
    message.msg_namelen = sizeof address;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(bytes);
    std::memcpy(CMSG_DATA(header), descriptors.data(), bytes);
    REQUIRE(::sendmsg(sender.get(), &message, 0) == static_cast<ssize_t>(text.size()));
}

/// A connection whose last close(2) waits a minute, until its peer goes: it has bytes to send that
/// the peer does not read.
struct Lingering {
    Lingering() {
        const sys::UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const name = reinterpret_cast<sockaddr*>(&address);
        REQUIRE(::bind(listener.get(), name, size) == 0);
        REQUIRE(::listen(listener.get(), 1) == 0);
        REQUIRE(::getsockname(listener.get(), name, &size) == 0);
        socket.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        REQUIRE(::connect(socket.get(), name, size) == 0);
        peer.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
        REQUIRE(peer.valid());
        const std::array<char, 65536> bytes{};
        while (::send(socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT) > 0) {
        }
        const linger minute{.l_onoff = 1, .l_linger = 60};
        REQUIRE(::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &minute, sizeof minute) == 0);
    }

    sys::UniqueFd socket;
    sys::UniqueFd peer;
};

bool has_hung_up(int read_end) {
    pollfd end{.fd = read_end, .events = POLLIN, .revents = 0};
    return ::poll(&end, 1, 0) == 1 && (end.revents & POLLHUP) != 0;
}

} // namespace

TEST_CASE("a descriptor that comes with a notification is closed", "[workload]") {
    const test::TemporaryDirectory directory;
    Heard heard(directory.path());
    sys::Pipe pipe = sys::make_pipe(sys::PipeMode::nonblocking).value();
    // The sender waits until nobody has the write end any more.
    send_with(heard.listener.name(), "BARRIER=1", {pipe.write.get()});
    pipe.write.reset();
    CHECK_FALSE(has_hung_up(pipe.read.get()));
    CHECK(test::watch_until(heard.io, [&] { return has_hung_up(pipe.read.get()); }));
}

TEST_CASE("a descriptor whose close hangs holds neither the loop nor the others", "[workload]") {
    const test::TemporaryDirectory directory;
    Heard heard(directory.path());
    Lingering lingering;
    sys::Pipe pipe = sys::make_pipe(sys::PipeMode::nonblocking).value();
    send_with(heard.listener.name(), "STATUS=hung", {lingering.socket.get(), pipe.write.get()});
    lingering.socket.reset();
    pipe.write.reset();
    REQUIRE(sys::send_datagram(heard.listener.name(), "READY=1").has_value());
    CHECK(test::run_until(heard.io, [&] { return heard.said.size() == 2; }));
    CHECK(test::watch_until(heard.io, [&] { return has_hung_up(pipe.read.get()); }));
}

TEST_CASE("while too many descriptors wait to be closed nothing is received", "[workload]") {
    const test::TemporaryDirectory directory;
    Heard heard(directory.path());
    std::vector<Lingering> hung(sys::BlockingCalls::most_threads);
    sys::Pipe pipe = sys::make_pipe(sys::PipeMode::nonblocking).value();
    for (Lingering& one : hung) {
        send_with(heard.listener.name(), "STATUS=hung", {one.socket.get()});
        one.socket.reset();
    }
    REQUIRE(test::run_until(heard.io, [&] { return heard.said.size() == hung.size(); }));
    send_with(heard.listener.name(), "STATUS=full",
              std::vector<int>(workload::NotifyListener::most_waiting, pipe.write.get()));
    pipe.write.reset();
    REQUIRE(sys::send_datagram(heard.listener.name(), "READY=1").has_value());
    REQUIRE(test::run_until(heard.io, [&] { return heard.said.size() > hung.size(); }));
    // Long enough to hear it, for a listener that went on.
    CHECK_FALSE(test::run_until(
        heard.io, [&] { return heard.said.size() > hung.size() + 1; }, 100ms));
    CHECK(heard.said.back().status == "full");
    CHECK_FALSE(has_hung_up(pipe.read.get()));
    hung.clear(); // The peers are gone, and so is what was not sent.
    REQUIRE(test::run_until(heard.io, [&] { return heard.said.size() == 6; }));
    CHECK(heard.said.back().ready);
    CHECK(test::watch_until(heard.io, [&] { return has_hung_up(pipe.read.get()); }));
}

TEST_CASE("nobody but root and who is listened to may send a notification", "[workload]") {
    const test::TemporaryDirectory directory;
    const std::string path = directory.path() / "notify";
    const sys::UniqueFd socket = sys::bind_datagrams(path, ::getuid()).value();
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0600);
    CHECK(status.st_uid == ::getuid());
    if (::getuid() != 0) SKIP("only root gives it to another user");
    const sys::UniqueFd other = sys::bind_datagrams(path, 1234).value();
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0600);
    CHECK(status.st_uid == 1234);
}
