// What restore documents say about a machine's name, its interfaces and its name servers.
#include "proto/link.hpp"
#include "proto/restore.hpp"

#include <boost/json/serialize.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fmt/format.h>

using namespace rouse::proto;
namespace json = boost::json;

namespace {

/// What is wrong with a document; empty when nothing is.
std::string error_of(const std::string& document) {
    const auto parsed = parse_restore_document(document);
    return parsed ? "" : parsed.error().message();
}

/// What is wrong with an interface that has these members besides its name.
std::string interface_error(const std::string& members) {
    return error_of(fmt::format(R"({{"network": [{{"interface": "eth0", {}}}]}})", members));
}

std::string route_error(const std::string& route) {
    return interface_error(fmt::format(R"("routes": [{}])", route));
}

struct Wrong {
    const char* value;
    const char* where; ///< how the message begins
};

} // namespace

TEST_CASE("a restore document with everything comes back as it was sent", "[proto]") {
    const std::string text =
        R"({"generation":"0b9f5f9e-6a43-4c54-9d5c-2d1c4c1b7a10","now_ns":1,"entropy":"AAEC",)"
        R"("hostname":"clone-7.example","machine_id":"0123456789abcdef0123456789abcdef",)"
        R"("network":[{"interface":"eth0","mac":"52:54:00:12:34:56","mtu":1400,)"
        R"("addresses":["10.0.0.5/24","fd00::5/64"],"routes":[)"
        R"({"to":"default","via":"10.0.0.1"},{"to":"default","via":"fd00::1"},)"
        R"({"to":"10.9.0.0/16","via":"192.168.7.1","on_link":true},{"to":"10.8.0.0/16"},)"
        R"({"to":"::/0"}]},)"
        R"({"interface":"eth1","addresses":[],"routes":[]},{"interface":"eth2"}],)"
        R"("dns":{"servers":["10.0.0.1","fd00::1"],"search":["example.org","_x.local."]},)"
        R"("close_tcp":true,"signal":10})";
    // "::/0" without a gateway and "default" are the same network.
    const auto twice = parse_restore_document(text);
    REQUIRE(twice.has_error());
    CHECK(twice.error().message() == "$.network[0].routes[4].to: is there twice");
    std::string once = text;
    once.erase(once.find(R"(,{"to":"::/0"})"), 14);
    const auto parsed = parse_restore_document(once);
    INFO(error_of(once));
    REQUIRE(parsed.has_value());
    CHECK(json::serialize(to_json(*parsed)) == once);
    CHECK(parse_restore_document(json::serialize(to_json(*parsed))).value() == *parsed);
    CHECK_FALSE(parsed->network[2].addresses.has_value());
    CHECK(parsed->network[1].addresses->empty());
    const LinkHelloAck ack{.version = 1, .nonce = "n", .document = *parsed};
    CHECK(parse_link_hello_ack(json::serialize(to_json(ack))).value() == ack);
}

TEST_CASE("addresses, networks and MAC addresses are what they are, and nothing else", "[proto]") {
    for (const char* text : {"0.0.0.0", "255.255.255.255", "10.0.0.1", "::", "::1", "fe80::1",
                             "2001:db8::1:0:0:1", "::ffff:127.0.0.1"})
        CHECK(to_text(parse_ip(text).value()) == text);
    for (const char* text : {"", " 10.0.0.1", "10.0.0.1 ", "10.1", "256.0.0.1", "0x7f.0.0.1",
                             "fe80::1%eth0", "1:2:3", ":::", "10.0.0.1/8", "eth0"})
        CHECK_FALSE(parse_ip(text).has_value());
    CHECK_FALSE(parse_ip(std::string_view("10.0.0.1\0", 9)).has_value());
    CHECK(to_text(parse_ip_prefix("10.0.0.5/24").value()) == "10.0.0.5/24");
    for (const char* text : {"10.0.0.5", "10.0.0.5/", "10.0.0.5/33", "10.0.0.5/-1", "10.0.0.5/+1",
                             "fd00::/129", "/24", "10.0.0.5/24/1", "10.0.0.5/ 24"})
        CHECK_FALSE(parse_ip_prefix(text).has_value());
    CHECK(to_text(parse_mac("52:54:00:AB:cd:0f").value()) == "52:54:00:ab:cd:0f");
    for (const char* text : {"", "52:54:00:12:34", "52:54:00:12:34:5", "52-54-00-12-34-56",
                             "52:54:00:12:34:5g", "52:54:00:12:34:56:", "5:254:00:12:34:56"})
        CHECK_FALSE(parse_mac(text).has_value());
    CHECK(parse_ip("::ffff:127.0.0.1")->is_loopback());
    CHECK(parse_ip("127.9.9.9")->is_loopback());
    CHECK(parse_ip("::1")->is_loopback());
    CHECK_FALSE(parse_ip("::2")->is_loopback());
    CHECK_FALSE(parse_ip("128.0.0.1")->is_loopback());
}

TEST_CASE("a network contains the addresses that begin with its bits", "[proto]") {
    for (unsigned length = 0; length <= 128; ++length) {
        IpPrefix prefix{parse_ip("fd00:1234:5678:9abc:def0:1234:5678:9abc").value(), length};
        CHECK(prefix.contains(prefix.address));
        if (length == 128) continue;
        IpAddress other = prefix.address;
        const auto next = static_cast<std::uint8_t>(0x80U >> (length % 8));
        other.bytes[length / 8] ^= next; // the first bit that does not count
        CHECK(prefix.contains(other));
        ++prefix.length;
        CHECK_FALSE(prefix.contains(other));
        CHECK(prefix.contains(prefix.network().address));
    }
    CHECK_FALSE(parse_ip_prefix("0.0.0.0/0")->contains(*parse_ip("::")));
}

TEST_CASE("what cannot be a name, a machine id or a signal is refused by its path", "[proto]") {
    const auto row = GENERATE(
        Wrong{R"("hostname": "")", "$.hostname"}, Wrong{R"("hostname": "-a")", "$.hostname"},
        Wrong{R"("hostname": "a-")", "$.hostname"}, Wrong{R"("hostname": "a..b")", "$.hostname"},
        Wrong{R"("hostname": "a_b")", "$.hostname"}, Wrong{R"("hostname": "a b")", "$.hostname"},
        Wrong{R"("hostname": "ä")", "$.hostname"}, Wrong{R"("hostname": 1)", "$.hostname"},
        Wrong{R"("machine_id": "0123")", "$.machine_id"},
        Wrong{R"("machine_id": "00000000000000000000000000000000")", "$.machine_id"},
        Wrong{R"("machine_id": "0123456789ABCDEF0123456789abcdef")", "$.machine_id"},
        Wrong{R"("signal": 0)", "$.signal"}, Wrong{R"("signal": 65)", "$.signal"},
        Wrong{R"("close_tcp": 1)", "$.close_tcp"}, Wrong{R"("dns": [])", "$.dns"},
        Wrong{R"("config": [])", "$.config"},
        Wrong{R"("dns": {"servers": ["x"]})", "$.dns.servers[0]"},
        Wrong{R"("dns": {"servers": "10.0.0.1"})", "$.dns.servers"},
        Wrong{R"("dns": {"search": ["a b"]})", "$.dns.search[0]"},
        Wrong{R"("dns": {"search": ["a\nnameserver 1.2.3.4"]})", "$.dns.search[0]"},
        Wrong{R"("dns": {"options": []})", "$.dns.options: is not a known key"},
        Wrong{R"("network": {})", "$.network"}, Wrong{R"("network": [1])", "$.network[0]"},
        Wrong{R"("network": [{}])", "$.network[0].interface: is missing"},
        Wrong{R"("network": [{"interface": "lo"}])", "$.network[0].interface"},
        Wrong{R"("network": [{"interface": "a/b"}])", "$.network[0].interface"},
        Wrong{R"("network": [{"interface": "sixteen-letters-"}])", "$.network[0].interface"},
        Wrong{R"("network": [{"interface": "a"}, {"interface": "a"}])", "$.network[1].interface"},
        Wrong{R"("unknown": 1)", "$.unknown: is not a known key"});
    INFO(row.value);
    const std::string error = error_of(fmt::format("{{{}}}", row.value));
    CHECK(error.substr(0, std::string_view(row.where).size()) == row.where);
    CHECK(error_of(fmt::format(R"({{"hostname": "{}"}})", std::string(63, 'a'))).empty());
    CHECK_FALSE(error_of(fmt::format(R"({{"hostname": "{}"}})", std::string(64, 'a'))).empty());
}

TEST_CASE("what an interface cannot have is refused by its path", "[proto]") {
    const auto row = GENERATE(
        Wrong{R"("mac": "00:00:00:00:00:00")", "mac"},
        Wrong{R"("mac": "01:00:5e:00:00:01")", "mac"}, Wrong{R"("mac": null)", "mac"},
        Wrong{R"("mtu": 67)", "mtu"}, Wrong{R"("mtu": 65536)", "mtu"},
        Wrong{R"("mtu": null)", "mtu"}, Wrong{R"("addresses": "10.0.0.5/24")", "addresses"},
        Wrong{R"("addresses": ["10.0.0.5"])", "addresses[0]"},
        Wrong{R"("addresses": ["10.0.0.5/24", "10.0.0.5/16"])", "addresses[1]"},
        Wrong{R"("addresses": ["10.0.0.5/0"])", "addresses[0]"},
        Wrong{R"("addresses": ["127.0.0.1/8"])", "addresses[0]"},
        Wrong{R"("addresses": ["ff02::1/64"])", "addresses[0]"},
        Wrong{R"("addresses": [null])", "addresses[0]"}, Wrong{R"("up": true)", "up"});
    INFO(row.value);
    const std::string error = interface_error(row.value);
    const std::string wanted = fmt::format("$.network[0].{}: ", row.where);
    CHECK(error.substr(0, wanted.size()) == wanted);
}

TEST_CASE("what cannot be a route is refused by its path", "[proto]") {
    const auto row =
        GENERATE(Wrong{R"({"to": "default"})", "to"}, Wrong{R"({"via": "10.0.0.1"})", "to"},
                 Wrong{R"({"to": "10.0.0.1/24", "via": "10.0.0.1"})", "to"},
                 Wrong{R"({"to": "everywhere", "via": "10.0.0.1"})", "to"},
                 Wrong{R"({"to": "10.1.0.0/16", "via": "fd00::1"})", "via"},
                 Wrong{R"({"to": "default", "via": "eth0"})", "via"},
                 Wrong{R"({"to": "10.1.0.0/16", "on_link": true})", "on_link"},
                 Wrong{R"({"to": "10.1.0.0/16", "metric": 1})", "metric"});
    INFO(row.value);
    const std::string error = route_error(row.value);
    const std::string wanted = fmt::format("$.network[0].routes[0].{}: ", row.where);
    CHECK(error.substr(0, wanted.size()) == wanted);
}
