// rousectl proxy and forward: the guest on addresses of this machine.
#include "tests/process/agent.hpp"
#include "tools/lab/places.hpp"
#include "tools/lab/relay.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <charconv>
#include <csignal>
#include <filesystem>
#include <thread>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Agent;
using test::AgentPlace;
using test::Connection;
using test::payload;

namespace {

const std::vector<std::string> waiting_workload = payload({"tell-signals"});

/// rousectl that listens until it is destroyed.
class Listening {
public:
    Listening(const Agent& agent, std::vector<std::string> words)
        : command_(with_target(agent, std::move(words))) {
        test::wait_until([&] { return command_.output().ends_with('\n'); },
                         [&] { return command_.error(); }, test::patience);
    }

    /// Where, as it was printed.
    [[nodiscard]] std::string address() const {
        return command_.output().substr(0, command_.output().size() - 1);
    }
    [[nodiscard]] std::string error() const { return command_.error(); }
    [[nodiscard]] test::Said stop() {
        command_.process().signal(SIGTERM);
        return command_.finish(test::patience);
    }

private:
    static std::vector<std::string> with_target(const Agent& agent,
                                                std::vector<std::string> words) {
        words.insert(words.begin(), {lab::build_product("tools/rousectl").string(), "-H",
                                     agent.endpoint().target()});
        return words;
    }

    test::Command command_;
};

Connection connect_to(const std::string& address) {
    auto socket = lab::connect_unix(address.substr(5));
    REQUIRE(socket);
    return Connection(std::move(*socket));
}

std::string read_to_end(Connection& connection) {
    std::string all;
    while (const auto more = connection.receive())
        all += *more;
    return all;
}

void end_input(Connection& connection) {
    REQUIRE(::shutdown(connection.descriptor(), SHUT_WR) == 0);
}

/// A listening Unix socket of the test's own.
lab::Descriptor listen_at(const std::filesystem::path& path) {
    lab::Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.native().copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(socket.get(), 16) == 0);
    return socket;
}

Connection accept_from(const lab::Descriptor& listener) {
    lab::Descriptor socket(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    REQUIRE(socket.is_open());
    return Connection(std::move(socket));
}

/// A TCP socket of the test's own: listening on a free port of 127.0.0.1, or connected to one.
lab::Descriptor tcp_socket(std::uint16_t port) {
    lab::Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto* native = reinterpret_cast<sockaddr*>(&address);
    if (port != 0) {
        REQUIRE(::connect(socket.get(), native, sizeof address) == 0);
    } else {
        REQUIRE(::bind(socket.get(), native, sizeof address) == 0);
        REQUIRE(::listen(socket.get(), 16) == 0);
    }
    return socket;
}

std::uint16_t port_of(const lab::Descriptor& socket) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    return ntohs(address.sin_port);
}

std::uint16_t port_in(const std::string& address) {
    std::uint16_t port = 0;
    const std::string_view digits = std::string_view(address).substr(address.rfind(':') + 1);
    (void)std::from_chars(digits.data(), digits.data() + digits.size(), port); // 0 is no port
    return port;
}

} // namespace

TEST_CASE("a port of the guest is a port here", "[local][process]") {
    const AgentPlace place;
    const Agent agent(place, waiting_workload);
    lab::Descriptor listener = tcp_socket(0);
    const std::uint16_t port = port_of(listener);
    Listening forward(agent, {"forward", fmt::format("0:tcp:{}", port)});
    Connection client(tcp_socket(port_in(forward.address())));
    Connection server = accept_from(listener);
    REQUIRE(client.send("over"));
    end_input(client);
    CHECK(read_to_end(server) == "over");
    server.close();
    CHECK(read_to_end(client).empty());
    listener.reset();
    Connection refused(tcp_socket(port_in(forward.address())));
    CHECK(read_to_end(refused).empty());
    CHECK_THAT(forward.stop().error,
               ContainsSubstring(fmt::format("tcp:127.0.0.1:{}': Connection refused", port)));
}

TEST_CASE("the guest's HTTP API is there on a socket and on a port", "[local][process]") {
    const AgentPlace place;
    const Agent agent(place, waiting_workload);
    const std::string path = place.folder() / "api";
    Listening on_socket(agent, {"proxy", "--listen", "unix:" + path});
    CHECK(on_socket.address() == "unix:" + path);
    Connection client = connect_to(on_socket.address());
    for (int turn = 0; turn < 3; ++turn) {
        REQUIRE(
            client.send(test::request_text("GET", "/v1/status", {}, "Connection: keep-alive\r\n")));
        CHECK(read_answer(client).status == 200);
    }
    Listening on_port(agent, {"proxy"});
    REQUIRE_THAT(on_port.address(), Catch::Matchers::StartsWith("tcp:127.0.0.1:"));
    const auto said = test::run_command({"curl", "--silent", "--show-error",
                                         "http://" + on_port.address().substr(4) + "/v1/metrics"},
                                        test::patience);
    CHECK_THAT(said.output, ContainsSubstring("rouse_uptime_seconds"));
    CHECK(on_port.stop().status == 0);
    CHECK(on_socket.stop().status == 0);
    CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("a guest that is not there is a 502 that says so", "[local][process]") {
    const AgentPlace place;
    std::string address;
    std::optional<Listening> proxy;
    {
        const Agent agent(place, waiting_workload);
        proxy.emplace(agent, std::vector<std::string>{"proxy", "--listen",
                                                      "unix:" + (place.folder() / "p").string()});
    }
    Connection client = connect_to(proxy->address());
    REQUIRE(client.send(test::request_text("GET", "/v1/status")));
    const auto answer = read_answer(client);
    CHECK(answer.status == 502);
    CHECK_THAT(answer.body, ContainsSubstring("cannot reach"));
    CHECK_THAT(proxy->stop().error, ContainsSubstring("cannot reach"));
}

TEST_CASE("a forward carries both directions and their ends", "[local][process]") {
    const AgentPlace place;
    const Agent agent(place, waiting_workload);
    const auto target = place.folder() / "target";
    const lab::Descriptor listener = listen_at(target);
    Listening forward(agent,
                      {"forward", fmt::format("unix:{}:unix:{}", (place.folder() / "near").string(),
                                              target.string())});
    Connection client = connect_to(forward.address());
    Connection server = accept_from(listener);
    REQUIRE(client.send("question"));
    end_input(client);
    CHECK(read_to_end(server) == "question"); // the end came through
    REQUIRE(server.send("answer"));
    end_input(server);
    CHECK(read_to_end(client) == "answer");
    const auto said = forward.stop();
    CHECK(said.status == 0);
    CHECK(said.error.empty());
}

TEST_CASE("much goes through a forward both ways at once, with a slow side", "[local][process]") {
    const AgentPlace place;
    const Agent agent(place, waiting_workload);
    const auto target = place.folder() / "target";
    const lab::Descriptor listener = listen_at(target);
    Listening forward(agent, {"forward", fmt::format("{}:{}", (place.folder() / "near").string(),
                                                     target.string())});
    Connection client = connect_to(forward.address());
    Connection server = accept_from(listener);
    constexpr std::size_t size = 8U << 20U;
    const std::string out(size, 'o');
    const std::string back(size, 'b');
    std::string got_out;
    std::string got_back;
    // Nobody reads until both have written all that goes: the windows hold the rest.
    std::thread sends_back([&] {
        (void)server.send(back); // what arrives is compared
        end_input(server);
    });
    std::thread sends_out([&] {
        (void)client.send(out); // as above
        end_input(client);
    });
    std::thread reads_back([&] { got_back = read_to_end(client); });
    got_out = read_to_end(server);
    sends_back.join();
    sends_out.join();
    reads_back.join();
    CHECK(got_out == out);
    CHECK(got_back == back);
    CHECK(forward.stop().error.empty());
}

TEST_CASE("a forward to nowhere closes the connection and says why", "[local][process]") {
    const AgentPlace place;
    const Agent agent(place, waiting_workload);
    Listening forward(agent, {"forward", fmt::format("{}:{}", (place.folder() / "near").string(),
                                                     (place.folder() / "nobody").string())});
    Connection client = connect_to(forward.address());
    CHECK(read_to_end(client).empty());
    CHECK_THAT(forward.stop().error, ContainsSubstring("nobody': No such file or directory"));
}

TEST_CASE("a forward that cannot be is refused with its reason", "[local][process]") {
    const AgentPlace place;
    const Agent agent(place, waiting_workload);
    const std::vector<std::pair<std::string, std::string>> cases{
        {"", "expected"},
        {"{}", "must have one of tcp and unix"},
        {R"({"tcp":1,"unix":"/a"})", "must have one of tcp and unix"},
        {R"({"tcp":0})", "$.tcp"},
        {R"({"tcp":65536})", "$.tcp"},
        {R"({"tcp":"80"})", "$.tcp"},
        {R"({"unix":"a"})", "$.unix"},
        {R"({"unix":")" + std::string(108, '/') + R"("})", "$.unix"},
        {R"({"tcp":1,"host":"10.0.0.1"})", "$.host"},
    };
    for (const auto& [body, why] : cases) {
        Connection connection = agent.endpoint().connect();
        REQUIRE(connection.send(test::request_text(
            "POST", "/v1/forward", body, "Connection: Upgrade\r\nUpgrade: rouse-stream.v1\r\n")));
        const auto answer = read_answer(connection);
        INFO(body << " " << answer.body);
        CHECK(answer.status == 400);
        if (!body.empty()) CHECK(answer.body.find(why) != std::string::npos);
    }
}
