// A metadata service that is broken or means harm costs bounded time and memory, and is named.
#include "agent/restore/mmds_answer.hpp"
#include "proto/limits.hpp"
#include "tests/unit/restore_mmds_rig.hpp"

#include <catch2/matchers/catch_matchers_string.hpp>

using namespace rouse;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using restore::MmdsOutcome;
using test::MmdsFake;
using test::MmdsRig;

namespace json = boost::json;

namespace {

struct BadAnswer {
    MmdsFake::Mood mood;
    MmdsOutcome outcome;
    const char* why;
};

std::string why_unreadable(json::value document) {
    MmdsRig rig({.imds_compat = true});
    rig.service.put(test::mmds_data(std::move(document)));
    const restore::MmdsReading reading = rig.read_once();
    CHECK(reading.outcome == MmdsOutcome::unreadable);
    return reading.why;
}

} // namespace

TEST_CASE("a service that does not answer as it should is given up in time", "[restore][mmds]") {
    using Mood = MmdsFake::Mood;
    for (const BadAnswer& row :
         {BadAnswer{Mood::silent, MmdsOutcome::unreachable, "timed out"},
          BadAnswer{Mood::endless, MmdsOutcome::unreadable, "body limit"},
          BadAnswer{Mood::garbage, MmdsOutcome::unreadable, "bad version"},
          BadAnswer{Mood::closing, MmdsOutcome::unreadable, "end of stream"}}) {
        INFO(row.why);
        MmdsRig rig;
        rig.service.set_mood(row.mood);
        const auto began = std::chrono::steady_clock::now();
        const restore::MmdsReading reading = rig.read_once();
        CHECK(reading.outcome == row.outcome);
        CHECK_THAT(reading.why, ContainsSubstring(row.why));
        CHECK(std::chrono::steady_clock::now() - began < proto::limits::mmds_document);
    }
}

TEST_CASE("a token that could end a header is none", "[restore][mmds]") {
    for (const char* text : {"a b", "a\r\nX-Other: 1\r\nx", "a\x7f", "caf\xc3\xa9"}) {
        MmdsRig rig;
        rig.service.set_token_text(text);
        rig.service.put(test::mmds_data({{"generation", test::first_generation}}));
        const restore::MmdsReading reading = rig.read_once();
        CHECK(reading.outcome == MmdsOutcome::unreadable);
        CHECK(rig.service.requests() == 1);
    }
    CHECK_FALSE(restore::is_mmds_token(""));
    CHECK_FALSE(restore::is_mmds_token(std::string(513, 'a')));
    CHECK(restore::is_mmds_token(std::string(512, 'a')));
}

TEST_CASE("a document that cannot be read is named with its place, and told to nobody",
          "[restore][mmds]") {
    CHECK(why_unreadable({{"generation", "none"}}) == "$.generation: must be a UUID");
    CHECK(why_unreadable({{"generatoin", "x"}}) == "$.generatoin: is not a known key");
    CHECK(why_unreadable({{"dns", {{"servers", "x"}}}}) ==
          "dns/: is an object; give it as a text of JSON");
    CHECK(why_unreadable({{"now_ns", 7}}) == "\"now_ns\": it answers 501");
    CHECK(why_unreadable(json::string("{\"now_ns\": }")).starts_with("$: not valid JSON"));
    CHECK(why_unreadable(json::string("two words")) == "$: is neither JSON nor a list of keys");
    CHECK(why_unreadable(json::string("")) == "$: is empty");
    json::object many;
    for (std::size_t i = 0; i <= proto::limits::mmds_keys; ++i)
        many[fmt::format("key{}", i)] = "x";
    CHECK(why_unreadable(many) ==
          fmt::format("$: has more than {} keys", proto::limits::mmds_keys));

    MmdsRig rig;
    rig.service.put(test::mmds_data({{"generation", test::first_generation}}));
    restore::MmdsTrigger trigger(rig.io.get_executor(), rig.config);
    rig.watch(trigger);
    REQUIRE(rig.await_readings(trigger, 1));
    rig.service.put(test::mmds_data({{"generation", "none"}}));
    REQUIRE(rig.await_readings(trigger, 2));
    CHECK(rig.signals.empty());
    CHECK(trigger.status().at("why") == "$.generation: must be a UUID");
}

TEST_CASE("members that the host changes while they are read make no document", "[restore][mmds]") {
    MmdsRig rig({.imds_compat = true});
    const auto document = [](const char* generation, const char* now) {
        return test::mmds_data({{"generation", generation}, {"now_ns", now}});
    };
    rig.service.put(document(test::first_generation, "1"));
    rig.service.on_request([&](const std::string& request) {
        if (request == "GET /rouse/restore/now_ns")
            rig.service.put(document(test::second_generation, "2"));
    });
    restore::MmdsClient client(rig.io.get_executor(), rig.config);
    const restore::MmdsReading mixed = rig.read(client);
    CHECK(mixed.outcome == MmdsOutcome::unreadable);
    CHECK(mixed.why == "the host is changing it");
    const restore::MmdsReading settled = rig.read(client);
    REQUIRE(settled.outcome == MmdsOutcome::document);
    CHECK(settled.document.generation == test::second_generation);
    CHECK(settled.document.now_ns == 2);
}

TEST_CASE("all answers of one reading together are bounded", "[restore][mmds]") {
    MmdsRig rig({.imds_compat = true});
    json::object big;
    for (int i = 0; i < 8; ++i)
        big[fmt::format("key{}", i)] = std::string(proto::limits::mmds_bytes / 4, 'x');
    rig.service.put(test::mmds_data(big));
    const restore::MmdsReading reading = rig.read_once();
    CHECK(reading.outcome == MmdsOutcome::unreadable);
    CHECK_THAT(reading.why, ContainsSubstring("body limit"));
    CHECK(rig.service.requests() < 8);
}
