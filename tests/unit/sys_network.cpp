// Interfaces, files and connections of a machine, really changed: in namespaces of the test's own.
#include "agent/sys/network.hpp"
#include "agent/sys/network_plan.hpp"
#include "agent/sys/tcp_destroy.hpp"
#include "proto/restore.hpp"
#include "tests/support/command.hpp"
#include "tests/support/own_namespaces.hpp"
#include "tests/support/wait.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <array>
#include <cstring>

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <sys/socket.h>

using namespace rouse;
using namespace rouse::sys;
using namespace std::chrono_literals;

namespace {

/// Runs ip(8) and returns what it says.
std::string ip(std::vector<std::string> words) {
    words.insert(words.begin(), "ip");
    const test::Said said = test::run_command(words, 10s);
    INFO(said.error);
    REQUIRE(said.status == 0);
    return said.output;
}

/// eth0, whose cable leads to peer0; with the link-local address that the kernel gives it.
void plug_in() {
    ip({"link", "add", "eth0", "address", "52:54:00:00:00:01", "type", "veth", "peer", "name",
        "peer0"});
    for (const char* name : {"lo", "eth0", "peer0"})
        ip({"link", "set", name, "up"});
    test::wait_until([] { return ip({"addr"}).find("fe80::5054:ff:fe00:1/") != std::string::npos; },
                     [] { return ip({"addr"}); }, 10s);
}

proto::NetworkInterface wanted(const std::string& text) {
    const auto document = proto::parse_restore_document("{\"network\": [" + text + "]}");
    INFO((document ? "" : document.error().message()));
    REQUIRE(document.has_value());
    return document->network.at(0);
}

/// Nothing went wrong; the notes.
std::vector<std::string> done(const NetworkOutcome& outcome) {
    CHECK(outcome.problems == std::vector<std::string>{});
    return outcome.notes;
}

std::vector<std::string> addresses_of(const std::string& name) {
    RouteTable table = RouteTable::open().value();
    std::vector<std::string> found;
    for (const AddressState& state : table.addresses(table.link(name).value().index).value()) {
        CHECK(state.permanent);
        found.push_back(proto::to_text(state.prefix));
    }
    std::sort(found.begin(), found.end());
    return found;
}

std::vector<std::string> routes_of(const std::string& name) {
    RouteTable table = RouteTable::open().value();
    std::vector<std::string> found;
    for (const RouteState& state : table.routes(table.link(name).value().index).value())
        if (!state.kernels_own) found.push_back(to_text(state.route));
    std::sort(found.begin(), found.end());
    return found;
}

using Texts = std::vector<std::string>;

/// What arrives at an interface, as whole frames.
class Listener {
public:
    explicit Listener(const char* name)
        : socket_(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL))) {
        sockaddr_ll address{};
        address.sll_family = AF_PACKET;
        address.sll_protocol = htons(ETH_P_ALL);
        address.sll_ifindex = static_cast<int>(::if_nametoindex(name));
        REQUIRE(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address),
                       sizeof address) == 0);
    }

    /// Whether a frame comes that holds these bytes.
    bool hears(const std::vector<std::uint8_t>& bytes) {
        pollfd wait{.fd = socket_.get(), .events = POLLIN, .revents = 0};
        while (::poll(&wait, 1, 5000) == 1) {
            std::array<std::uint8_t, 2048> frame{};
            const ssize_t count = ::recv(socket_.get(), frame.data(), frame.size(), 0);
            if (count < 0) return false;
            if (std::search(frame.begin(), frame.begin() + count, bytes.begin(), bytes.end()) !=
                frame.begin() + count)
                return true;
        }
        return false;
    }

private:
    UniqueFd socket_;
};

} // namespace

TEST_CASE("an interface gets the MAC address, MTU, addresses and routes of a document, and no "
          "other ones",
          "[network]") {
    test::in_own_namespaces([] {
        plug_in();
        ip({"addr", "add", "10.0.0.5/24", "dev", "eth0"});
        ip({"addr", "add", "10.0.0.55/24", "dev", "eth0"}); // secondary: goes with the one before
        ip({"addr", "add", "fd00::5/64", "dev", "eth0", "nodad"});
        ip({"route", "add", "default", "via", "10.0.0.1"});
        ip({"route", "add", "10.7.0.0/16", "via", "10.0.0.1"});
        const auto document = wanted(R"({"interface": "eth0", "mac": "52:54:00:00:00:02",
            "mtu": 1400, "addresses": ["10.0.0.55/24", "10.2.0.6/16", "fd00::6/64"],
            "routes": [{"to": "default", "via": "10.2.0.1"}, {"to": "default", "via": "fd00::1"},
                       {"to": "10.9.0.0/16", "via": "172.16.0.1", "on_link": true},
                       {"to": "10.8.0.0/16"}]})");
        Listener neighbour("peer0");
        CHECK(done(configure(document, {})) == Texts{});
        const InterfaceState link = RouteTable::open().value().link("eth0").value();
        CHECK(link.mac == proto::parse_mac("52:54:00:00:00:02"));
        CHECK(link.mtu == 1400);
        CHECK(link.up);
        CHECK(addresses_of("eth0") ==
              Texts{"10.0.0.55/24", "10.2.0.6/16", "fd00::6/64", "fe80::5054:ff:fe00:2/64"});
        CHECK(routes_of("eth0") == Texts{"10.8.0.0/16", "10.9.0.0/16 via 172.16.0.1",
                                         "default via 10.2.0.1", "default via fd00::1"});
        CHECK(ip({"route", "get", "10.9.1.1"}).find("via 172.16.0.1") != std::string::npos);
        CHECK(ip({"addr", "show", "dev", "eth0"}).find("brd 10.2.255.255") != std::string::npos);
        // The neighbour hears of each address: in an ARP request from and for it, and in an
        // advertisement.
        CHECK(neighbour.hears({0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1, 0x52, 0x54, 0, 0, 0,
                               2,    10,   2, 0, 6, 0, 0, 0, 0, 0, 0,    10,   2, 0, 6}));
        CHECK(neighbour.hears({0x20, 0, 0, 0, 0xfd, 0, 0, 0, 0,    0,    0, 0, 0, 0,
                               0,    0, 0, 0, 0,    6, 2, 1, 0x52, 0x54, 0, 0, 0, 2}));
        // Said again, it changes nothing.
        const std::string before = ip({"addr"}) + ip({"route"});
        CHECK(done(configure(document, {})) == Texts{});
        CHECK(ip({"addr"}) + ip({"route"}) == before);
    });
}

TEST_CASE("what a document does not speak of stays, also when the address that it hangs on goes",
          "[network]") {
    test::in_own_namespaces([] {
        plug_in();
        ip({"addr", "add", "10.0.0.5/24", "dev", "eth0"});
        ip({"route", "add", "default", "via", "10.0.0.1", "src", "10.0.0.5", "metric", "7", "mtu",
            "1300"});
        CHECK(done(configure(wanted(R"({"interface": "eth0", "addresses": ["10.0.0.6/24"]})"),
                             {})) == Texts{});
        CHECK(addresses_of("eth0").at(0) == "10.0.0.6/24");
        CHECK(routes_of("eth0") == Texts{"default via 10.0.0.1"});
        const std::string shown = ip({"route", "show", "default"});
        INFO(shown);
        CHECK(shown.find("metric 7 mtu 1300") != std::string::npos);
        CHECK(shown.find("src") == std::string::npos);
        // A gateway out of reach is no failure, since nobody has asked for it.
        const auto notes =
            done(configure(wanted(R"({"interface": "eth0", "addresses": ["10.3.0.6/24"]})"), {}));
        REQUIRE(notes.size() == 1);
        CHECK(notes[0] == "eth0: default via 10.0.0.1 is gone: Network is unreachable");
        CHECK(done(configure(wanted(R"({"interface": "eth0", "mtu": 1450})"), {})) == Texts{});
        CHECK(addresses_of("eth0").at(0) == "10.3.0.6/24");
    });
}

TEST_CASE("a failure is told by its subject, and the rest is done all the same", "[network]") {
    test::in_own_namespaces([] {
        plug_in();
        const NetworkOutcome none = configure(wanted(R"({"interface": "eth7"})"), {});
        CHECK(none.problems == Texts{"eth7: the interface: No such device"});
        const NetworkOutcome some =
            configure(wanted(R"({"interface": "eth0", "addresses": ["10.0.0.5/24"], "routes": [
                {"to": "default", "via": "10.9.0.1"}, {"to": "default", "via": "fd09::1"},
                {"to": "10.8.0.0/16"}]})"),
                      {});
        REQUIRE(some.problems.size() == 2);
        CHECK(some.problems[0] == "eth0: default via 10.9.0.1: Network is unreachable");
        CHECK(some.problems[1].substr(0, 27) == "eth0: default via fd09::1: ");
        CHECK(addresses_of("eth0").at(0) == "10.0.0.5/24");
        CHECK(routes_of("eth0") == Texts{"10.8.0.0/16"});
        std::stop_source stop;
        stop.request_stop();
        const auto later = wanted(R"({"interface": "eth0", "addresses": ["10.0.0.6/24"]})");
        (void)configure(later, stop.get_token()); // what is not begun is no problem
        CHECK(addresses_of("eth0").at(0) == "10.0.0.5/24");
    });
}

TEST_CASE("an interface that is down is brought up", "[network]") {
    test::in_own_namespaces([] {
        plug_in();
        ip({"link", "set", "eth0", "down"});
        CHECK(done(configure(wanted(R"({"interface": "eth0", "addresses": ["10.0.0.5/24"],
            "routes": [{"to": "default", "via": "10.0.0.1"}]})"),
                             {})) == Texts{});
        CHECK(RouteTable::open().value().link("eth0").value().up);
        CHECK(routes_of("eth0") == Texts{"default via 10.0.0.1"});
    });
}

namespace {

/// A TCP connection to ourselves over `address`.
struct Loop {
    explicit Loop(const char* address) {
        addrinfo numeric{};
        numeric.ai_flags = AI_NUMERICHOST;
        addrinfo* found = nullptr;
        REQUIRE(::getaddrinfo(address, nullptr, &numeric, &found) == 0);
        size_ = found->ai_addrlen;
        std::memcpy(&name_, found->ai_addr, size_);
        ::freeaddrinfo(found);
        listening = socket();
        REQUIRE(::bind(listening.get(), plain(), size_) == 0);
        REQUIRE(::listen(listening.get(), 1) == 0);
        REQUIRE(::getsockname(listening.get(), plain(), &size_) == 0);
        client = connected();
        server = UniqueFd(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
        REQUIRE(server.valid());
    }

    [[nodiscard]] UniqueFd connected() {
        UniqueFd fresh = socket();
        REQUIRE(::connect(fresh.get(), plain(), size_) == 0);
        return fresh;
    }

    [[nodiscard]] bool works() const {
        char byte = 'x';
        return ::send(client.get(), &byte, 1, MSG_NOSIGNAL) == 1 &&
               ::recv(server.get(), &byte, 1, 0) == 1;
    }

    UniqueFd listening;
    UniqueFd client;
    UniqueFd server;

private:
    [[nodiscard]] UniqueFd socket() const {
        return UniqueFd(::socket(name_.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    }
    [[nodiscard]] sockaddr* plain() { return reinterpret_cast<sockaddr*>(&name_); }

    sockaddr_storage name_{};
    socklen_t size_ = sizeof name_;
};

} // namespace

TEST_CASE("TCP connections end with an error, but for those over the loopback", "[network]") {
    test::in_own_namespaces([] {
        plug_in();
        ip({"addr", "add", "10.0.0.5/24", "dev", "eth0"});
        ip({"addr", "add", "fd00::5/64", "dev", "eth0", "nodad"});
        Loop far("10.0.0.5");
        Loop far_six("fd00::5");
        const Loop near("127.0.0.1");
        const Loop near_six("::1");
        REQUIRE((far.works() && far_six.works() && near.works() && near_six.works()));
        const Result<TcpDestroyed> destroyed = destroy_tcp({});
        if (!destroyed && destroyed.error() != boost::system::errc::operation_not_permitted)
            SKIP("this kernel cannot end connections: " << destroyed.error().message());
        REQUIRE(destroyed.has_value());
        CHECK(destroyed->ended + destroyed->kept == 8); // both ends of each
        CHECK(destroyed->kept == 4);
        CHECK_FALSE(far.works());
        CHECK_FALSE(far_six.works());
        CHECK(near.works());
        CHECK(near_six.works());
        // Who listens goes on.
        (void)far.connected();
        (void)far_six.connected();
    });
}
