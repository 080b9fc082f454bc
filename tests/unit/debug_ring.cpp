// The ring of the last events, and how often an event gets there: pure values.

#include "agent/debug/event_limit.hpp"
#include "agent/debug/event_ring.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>

#include <sstream>
#include <string>
#include <vector>

using rouse::debug::EventLimit;
using rouse::debug::EventRing;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

std::vector<json::value> lines_of(const std::string& text) {
    std::vector<json::value> all;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);)
        all.push_back(json::parse(line));
    return all;
}

EventRing filled(EventRing::Limits limits, int count) {
    EventRing ring(limits);
    for (int i = 0; i < count; ++i)
        ring.add({}, "tick", {{"i", i}});
    return ring;
}

} // namespace

TEST_CASE("an event is one line with its number, both clocks, epoch, type and body", "[events]") {
    EventRing ring;
    CHECK(ring.add({.wall_ns = 5, .monotonic_us = 6, .epoch = 7}, "a\nb", {{"x", "y"}}) == 1);
    const EventRing::Read read = ring.read(1, 1000);
    CHECK(read.lines == R"({"sequence":1,"time_ns":5,"monotonic_us":6,"epoch":7,)"
                        R"("type":"a\nb","body":{"x":"y"}})"
                        "\n");
    CHECK(read.next == 2);
    CHECK(ring.read(2, 1000).lines.empty());
}

TEST_CASE("the oldest events make room, and a reader finds a gap in their place", "[events]") {
    const EventRing ring = filled({.events = 4, .bytes = 1 << 20, .line = 1000}, 10);
    CHECK(ring.size() == 4);
    CHECK(ring.oldest() == 7);
    CHECK(ring.lost() == 6);
    const auto lines = lines_of(ring.read(3, 1 << 20).lines);
    REQUIRE(lines.size() == 5);
    CHECK(lines[0] == json::value{{"type", "gap"}, {"from", 3}, {"count", 4}});
    CHECK(lines[1].at("sequence") == 7);
    CHECK(lines_of(ring.read(7, 1 << 20).lines).size() == 4);
}

TEST_CASE("the bytes of the ring are bounded, and one event is always kept", "[events]") {
    for (const std::size_t limit : {std::size_t{1}, std::size_t{500}, std::size_t{5000}}) {
        const EventRing ring = filled({.events = 1000, .bytes = limit, .line = 1000}, 300);
        std::size_t held = ring.read(ring.oldest(), 1 << 20).lines.size();
        CHECK(ring.bytes() == held);
        CHECK((ring.bytes() <= limit || ring.size() == 1));
        CHECK(ring.lost() + ring.size() == 300);
    }
}

TEST_CASE("a body that is too long is told by its size", "[events]") {
    EventRing ring({.events = 10, .bytes = 1 << 20, .line = 200});
    ring.add({}, "long", {{"text", std::string(500, 'x')}});
    const auto lines = lines_of(ring.read(1, 1 << 20).lines);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].at("type") == "long");
    CHECK(lines[0].at("body").at("cut_bytes").to_number<int>() > 500);
}

TEST_CASE("a reader goes on where it was, in pieces of the size that it asks for", "[events]") {
    const EventRing ring = filled({}, 100);
    std::uint64_t from = 1;
    std::uint64_t pieces = 0;
    std::vector<json::value> all;
    for (; from < ring.next(); ++pieces) {
        const EventRing::Read read = ring.read(from, 300);
        CHECK(read.lines.size() <= 300);
        from = read.next;
        for (const json::value& line : lines_of(read.lines))
            all.push_back(line);
    }
    CHECK(pieces > 10);
    REQUIRE(all.size() == 100);
    for (std::size_t i = 0; i < all.size(); ++i)
        CHECK(all[i].at("sequence") == i + 1);
    CHECK(lines_of(ring.read(1, 0).lines).size() == 1); // at least one, or it would never end
}

TEST_CASE("a reader from beyond the newest event gets the next one", "[events]") {
    EventRing ring = filled({}, 3);
    CHECK(ring.read(1000, 100).next == 4);
    CHECK(ring.read(0, 1000).next == 4);
}

TEST_CASE("an event of one kind is admitted once an interval, and says how many were left out",
          "[events]") {
    const EventLimit::Clock::time_point start{100s};
    EventLimit limit(1s);
    CHECK(limit.admit("not the host", start) == 0);
    for (int count = 1; count <= 1000; ++count)
        REQUIRE_FALSE(limit.admit("not the host", start + count * 999us).has_value());
    // Another kind is not held back by it.
    CHECK(limit.admit("too many connections", start + 500ms) == 0);
    CHECK_FALSE(limit.admit("too many connections", start + 1499ms).has_value());
    CHECK(limit.admit("not the host", start + 1s) == 1000);
    CHECK_FALSE(limit.admit("not the host", start + 1999ms).has_value());
    CHECK(limit.admit("not the host", start + 60s) == 1);
    CHECK(limit.admit("not the host", start + 61s) == 0);
    CHECK(limit.admit("too many connections", start + 61s) == 1);
}
