// Addresses of this machine that rousectl listens on, and what it carries over them.
#include "tests/support/temporary_directory.hpp"
#include "tests/unit/host_fake_guest.hpp"
#include "tools/host/byte_relay.hpp"
#include "tools/host/local_server.hpp"

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <catch2/generators/catch_generators_all.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <filesystem>

#include <sys/stat.h>

using namespace rouse;
using namespace rouse::test;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("only addresses of this machine are listened on", "[host][local]") {
    CHECK(host::parse_local_address("tcp:127.0.0.1:80")->text() == "tcp:127.0.0.1:80");
    CHECK(host::parse_local_address("8080")->port == 8080);
    CHECK(host::parse_local_address("localhost:1")->port == 1);
    CHECK(host::parse_local_address("unix:a.sock")->path == "a.sock");
    CHECK(host::parse_local_address("/run/a")->text() == "unix:/run/a");
    CHECK_THAT(host::parse_local_address("tcp:0.0.0.0:80").error().message,
               ContainsSubstring("only 127.0.0.1 is allowed, not '0.0.0.0'"));
    const std::string bad = GENERATE("", "tcp:", "65536", "x", "unix:", "/", "tcp:[::1]:80");
    CHECK(host::parse_local_address(bad).has_error());
}

TEST_CASE("a forward has two sides", "[host][local]") {
    const auto [text, local, remote] =
        GENERATE(std::tuple("8080:tcp:80", "tcp:127.0.0.1:8080", "tcp:127.0.0.1:80"),
                 std::tuple("8080:80", "tcp:127.0.0.1:8080", "tcp:127.0.0.1:80"),
                 std::tuple("tcp:127.0.0.1:0:80", "tcp:127.0.0.1:0", "tcp:127.0.0.1:80"),
                 std::tuple("/tmp/a:unix:/run/b", "unix:/tmp/a", "unix:/run/b"),
                 std::tuple("unix:/tmp/a:5432", "unix:/tmp/a", "tcp:127.0.0.1:5432"));
    const auto rule = host::parse_forward_rule(text);
    CHECK(rule->local.text() == local);
    CHECK(rule->remote.text() == remote);
    CHECK_THAT(host::parse_forward_rule("80:tcp:10.0.0.1:80").error().message,
               ContainsSubstring("not '10.0.0.1'"));
    CHECK_THAT(host::parse_forward_rule("80:0").error().message,
               ContainsSubstring("must not be 0"));
    CHECK(host::parse_forward_rule("8080").has_error());
}

namespace {

host::Awaitable<> answer_backwards(host::Socket socket) {
    std::string all;
    auto read =
        co_await boost::asio::async_read(socket, boost::asio::dynamic_buffer(all), host::no_throw);
    (void)read; // the end of the input
    const std::string answer(all.rbegin(), all.rend());
    (void)co_await boost::asio::async_write(socket, boost::asio::buffer(answer), host::no_throw);
}

host::Awaitable<> relay_to(host::Socket near, host::Executor executor, std::string path) {
    host::Socket far(executor);
    const host::Endpoint endpoint = host::unix_endpoint(path);
    auto connected = co_await far.async_connect(endpoint, host::no_throw);
    REQUIRE_FALSE(std::get<0>(connected));
    host::Awaitable<> relaying = host::relay_bytes(near, far, host::HalfClose::passed_on);
    co_await std::move(relaying);
}

host::Awaitable<std::string> talk(host::Socket& socket, std::string words) {
    auto written =
        co_await boost::asio::async_write(socket, boost::asio::buffer(words), host::no_throw);
    REQUIRE_FALSE(std::get<0>(written));
    boost::system::error_code ignored; // the answer says what happened
    (void)socket.shutdown(host::Socket::shutdown_send, ignored);
    std::string answer;
    auto read = co_await boost::asio::async_read(socket, boost::asio::dynamic_buffer(answer),
                                                 host::no_throw);
    (void)read; // the end of the answer
    co_return answer;
}

host::LocalListener listen_on(boost::asio::io_context& io, const std::string& path) {
    auto listener =
        host::LocalListener::open(io.get_executor(), host::parse_local_address(path).value());
    REQUIRE(listener.has_value());
    return std::move(*listener);
}

} // namespace

TEST_CASE("a relay passes on both directions and their ends, a bounded number at a time",
          "[host][local]") {
    TemporaryDirectory directory;
    boost::asio::io_context io{1};
    const std::string far = directory.path() / "far";
    const std::string near = directory.path() / "near";
    const auto trouble = [](const std::string& what) { FAIL_CHECK(what); };
    host::LocalServer backwards(io.get_executor(), listen_on(io, far), 8, answer_backwards,
                                trouble);
    host::LocalServer relay(
        io.get_executor(), listen_on(io, near), 2,
        [&](host::Socket socket) { return relay_to(std::move(socket), io.get_executor(), far); },
        trouble);
    struct stat status {};
    REQUIRE(::stat(near.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U) == 0600U);
    int stopped = 0;
    for (host::LocalServer* server : {&backwards, &relay})
        boost::asio::co_spawn(io, server->run(), [&](const std::exception_ptr&) { ++stopped; });

    std::deque<host::Socket> clients;
    for (int n = 0; n < 4; ++n) {
        clients.emplace_back(io.get_executor());
        clients.back().connect(host::unix_endpoint(near));
    }
    const std::string large(1'000'000, 'x');
    // The third waits for one of the two before it.
    std::string third;
    boost::asio::co_spawn(io, talk(clients[2], "third"),
                          [&](const std::exception_ptr&, std::string said) { third = said; });
    CHECK(await(io, talk(clients[0], "abc" + large)) == large + "cba");
    CHECK(await(io, talk(clients[1], "")).empty());
    REQUIRE(run_until(io, [&] { return third == "driht"; }));
    relay.stop();
    backwards.stop();
    REQUIRE(run_until(io, [&] { return stopped == 2; }));
}

TEST_CASE("a socket file of somebody who listens is left alone, and no other file is replaced",
          "[host][local]") {
    TemporaryDirectory directory;
    boost::asio::io_context io{1};
    const std::string path = directory.path() / "s";
    {
        const host::LocalListener first = listen_on(io, path);
        const auto second =
            host::LocalListener::open(io.get_executor(), host::parse_local_address(path).value());
        CHECK_THAT(second.error().message, ContainsSubstring("cannot listen on 'unix:" + path));
    }
    CHECK_FALSE(std::filesystem::exists(path));
    const auto onto = host::LocalListener::open(
        io.get_executor(), host::parse_local_address(directory.path().string()).value());
    CHECK_THAT(onto.error().message, ContainsSubstring("there is another file"));
}
