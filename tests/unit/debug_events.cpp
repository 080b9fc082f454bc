// GET /v1/events over the HTTP server: readers that follow, that are slow, that are too many.

#include "agent/debug/event_service.hpp"
#include "tests/unit/http_rig.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <sstream>

using namespace rouse;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

struct EventRig : test::HttpRig {
    EventRig() { routes["GET /v1/events"] = events.route(); }

    void tick(std::size_t bytes = 0) { events.record("tick", {{"text", std::string(bytes, 'x')}}); }

    debug::EventService events{loop.get_executor(), [] { return std::uint64_t{3}; }};
};

std::vector<json::value> events_in(const std::string& body) {
    std::vector<json::value> all;
    std::istringstream in(body);
    for (std::string line; std::getline(in, line);)
        all.push_back(json::parse(line));
    return all;
}

} // namespace

TEST_CASE("events are answered from a number on", "[events][http]") {
    EventRig rig;
    for (int i = 0; i < 5; ++i)
        rig.tick();
    const auto all = events_in(rig.get("/v1/events").body);
    REQUIRE(all.size() == 5);
    CHECK(all.front().at("sequence") == 1);
    CHECK(all.front().at("epoch") == 3);
    CHECK(all.front().at("time_ns").as_int64() > 0);
    CHECK(events_in(rig.get("/v1/events?since=3").body).size() == 2);
    CHECK(rig.get("/v1/events?since=5").body.empty());
    for (const char* since : {"x", "-1", "", "18446744073709551615", "1x"})
        CHECK(rig.get(fmt::format("/v1/events?since={}", since)).status == 400);
}

TEST_CASE("a reader that follows gets each event as it happens", "[events][http]") {
    EventRig rig;
    rig.tick();
    auto& reader = rig.ask("/v1/events?follow=1");
    for (int i = 1; i <= 20; ++i) {
        CHECK(rig.until([&] {
            return reader.body().find(fmt::format("\"sequence\":{},", i)) != std::string::npos;
        }));
        rig.tick();
    }
    CHECK_FALSE(reader.whole());
    reader.close();
    CHECK(rig.idle());
}

TEST_CASE("a slow reader of events finds a gap and delays nobody", "[events][http]") {
    EventRig rig;
    auto& slow = rig.ask("/v1/events?follow=1", test::HttpRig::Reading::later);
    auto& quick = rig.ask("/v1/events?follow=1");
    // More than the ring and the socket hold together.
    for (int i = 1; i <= 3000; ++i) {
        rig.tick(1000);
        if (i % 100 == 0)
            REQUIRE(rig.until([&] {
                return quick.body().find(fmt::format("\"sequence\":{},", i)) != std::string::npos;
            }));
    }
    slow.start_reading();
    REQUIRE(rig.until([&] { return slow.body().find("\"sequence\":3000,") != std::string::npos; }));
    std::uint64_t next = 1;
    std::uint64_t gaps = 0;
    for (const json::value& line : events_in(slow.body())) {
        if (line.at("type") == "gap") {
            CHECK(line.at("from") == next);
            next += line.at("count").to_number<std::uint64_t>();
            ++gaps;
        } else {
            CHECK(line.at("sequence") == next++);
        }
    }
    CHECK(gaps >= 1);
    CHECK(next == 3001);
    for (const json::value& line : events_in(quick.body()))
        CHECK(line.at("type") != "gap");
}

TEST_CASE("the number of readers of events is bounded", "[events][http]") {
    EventRig rig;
    rig.tick();
    std::vector<test::HttpRig::Client*> readers;
    for (std::size_t i = 0; i < proto::limits::event_readers; ++i)
        readers.push_back(&rig.ask("/v1/events?follow=1"));
    CHECK(rig.until([&] { return readers.back()->body().find("tick") != std::string::npos; }));
    CHECK(rig.get("/v1/events").status == 503);
    CHECK(rig.events.counters().at("readers") == proto::limits::event_readers);
    readers.back()->close();
    CHECK(rig.until(
        [&] { return rig.events.counters().at("readers") == proto::limits::event_readers - 1; }));
    CHECK(rig.get("/v1/events").status == 200);
    for (test::HttpRig::Client* const reader : readers)
        reader->close();
    CHECK(rig.idle());
    CHECK(rig.events.counters().at("readers") == 0);
}

TEST_CASE("the document of events has counters and every kept event", "[events]") {
    EventRig rig;
    rig.tick();
    rig.tick();
    const json::object document = rig.events.document();
    CHECK(document.at("next") == 3);
    CHECK(document.at("lost") == 0);
    REQUIRE(document.at("events").as_array().size() == 2);
    CHECK(document.at("events").at(1).at("type") == "tick");
}
