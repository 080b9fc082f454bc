// Targets as a person writes them.
#include "tools/host/target.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace rouse::host;

TEST_CASE("a target names a CID or a Unix socket", "[host]") {
    REQUIRE(parse_target("vsock:3").value() ==
            Target{.kind = Target::Kind::vsock, .cid = 3, .exec_port = 1001, .path = {}});
    REQUIRE(parse_target("vsock:42:7").value() ==
            Target{.kind = Target::Kind::vsock, .cid = 42, .exec_port = 7, .path = {}});
    REQUIRE(parse_target("unix:/run/vm.sock").value() == Target{.kind = Target::Kind::unix_socket,
                                                                .cid = 0,
                                                                .exec_port = 1001,
                                                                .path = "/run/vm.sock"});
}

TEST_CASE("a target is printed as it was written", "[host]") {
    for (const char* text : {"vsock:3", "vsock:3:7", "unix:/run/vm.sock", "unix:here"})
        REQUIRE(parse_target(text).value().text() == text);
    REQUIRE(parse_target("unix:/run/a/vm.sock").value().short_name() == "vm.sock");
    REQUIRE(parse_target("vsock:9").value().short_name() == "vsock-9");
}

TEST_CASE("anything else is refused, with the target in the message", "[host]") {
    const std::string long_path = "unix:/" + std::string(100, 'x');
    for (const std::string& text : std::initializer_list<std::string>{
             "", "3", "vsock:", "vsock:2", "vsock:4294967295", "vsock:-1", "vsock:3:", "vsock:3:0",
             "vsock:3:x", "vsock:3x", "unix:", "unix:/run/", "tcp:1", long_path}) {
        INFO(text);
        const auto target = parse_target(text);
        REQUIRE(target.has_error());
        REQUIRE(target.error().message.find("'" + text + "'") != std::string::npos);
    }
}
