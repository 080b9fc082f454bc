// The metadata service as a trigger, against a service that keeps Firecracker's rules.
#include "agent/io/http_client.hpp"
#include "tests/unit/restore_mmds_rig.hpp"

#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using namespace rouse;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using proto::MmdsVersion;
using restore::MmdsOutcome;
using test::MmdsFake;
using test::MmdsRig;

namespace json = boost::json;

namespace {

const json::value full_document{{"generation", test::first_generation},
                                {"now_ns", 1700000000000000001},
                                {"entropy", "c2VjcmV0"}};

/// A store that gives out only texts can hold no number.
const json::value texts_only{{"generation", test::first_generation},
                             {"now_ns", "1700000000000000001"},
                             {"entropy", "c2VjcmV0"}};

void check_full(const proto::RestoreDocument& document) {
    CHECK(document.generation == test::first_generation);
    CHECK(document.now_ns == 1700000000000000001);
    CHECK(document.entropy == "secret");
}

struct Question {
    std::string method;
    std::string path;
    std::map<std::string, std::string> headers;
    unsigned status;
    std::string body;
};

io::HttpAnswer ask(MmdsRig& rig, const Question& question) {
    using Answer = sys::Result<io::HttpAnswer>;
    std::optional<Answer> answer;
    rig.tasks.spawn("ask", io::store_result<Answer>(
                               io::ask(rig.io.get_executor(),
                                       io::InternetAddress{"127.0.0.1", rig.service.port()},
                                       {.method = question.method,
                                        .target = question.path,
                                        .host = "127.0.0.1",
                                        .headers = question.headers},
                                       {.deadline = 5s, .body_limit = 4096}),
                               answer));
    REQUIRE(test::run_until(rig.io, [&] { return answer.has_value(); }));
    REQUIRE(answer->has_value());
    return std::move(answer->value());
}

} // namespace

TEST_CASE("the service of these tests refuses and answers as Firecracker's does",
          "[restore][mmds]") {
    MmdsRig rig;
    rig.service.put({{"age", 43}, {"name", {{"first", "John"}, {"pets", {{"cat", "x"}}}}}});
    const std::string token =
        ask(rig,
            {"PUT", "/latest/api/token", {{"X-aws-ec2-metadata-token-ttl-seconds", "60"}}, 200, ""})
            .body;
    const std::map<std::string, std::string> known{{"X-metadata-token", token}};
    const std::map<std::string, std::string> known_json{{"x-metadata-TOKEN", token},
                                                        {"Accept", "application/json"}};
    const std::vector<Question> table{
        {"GET", "/age", {}, 401, "No MMDS token provided"},
        {"GET", "/age", {{"X-metadata-token", "none"}}, 401, "MMDS token not valid."},
        {"GET", "/age", known, 501, "unsupported type"},
        {"GET", "/age", known_json, 200, "43"},
        {"GET", "//name//first/", known, 200, "John"},
        {"GET", "/name/first", known_json, 200, "\"John\""},
        {"GET", "/name", known, 200, "first\npets/"},
        {"GET", "/nothing", known, 404, "Resource not found: /nothing."},
        {"PUT", "/latest/api/token", {}, 400, "Token time to live value not found"},
        {"PUT", "/latest/api/token", {{"X-metadata-token-ttl-seconds", "0"}}, 400, "between 1 and"},
        {"PUT", "/latest/api/token", {{"X-metadata-token-ttl-seconds", "21601"}}, 400, "21601"},
        {"PUT",
         "/latest/api/token",
         {{"X-Forwarded-For", "1"}, {"X-metadata-token-ttl-seconds", "9"}},
         400,
         "x-forwarded-for"},
        {"PUT", "/other", {{"X-metadata-token-ttl-seconds", "9"}}, 404, "/other"},
        {"PATCH", "/age", known, 405, "Not allowed HTTP method."},
    };
    for (const Question& question : table) {
        INFO(question.method << " " << question.path << " " << question.body);
        const io::HttpAnswer answer = ask(rig, question);
        CHECK(answer.status == question.status);
        CHECK_THAT(answer.body, ContainsSubstring(question.body));
    }
    MmdsRig first({.tokens = false});
    CHECK(ask(first, {"PUT", "/latest/api/token", {}, 405, ""}).status == 405);
}

TEST_CASE("a document is read from each version of the service and in each of its forms",
          "[restore][mmds]") {
    const bool tokens = GENERATE(true, false);
    const bool imds = GENERATE(true, false);
    MmdsRig rig({.tokens = tokens, .imds_compat = imds});
    rig.config.version = GENERATE(MmdsVersion::automatic, MmdsVersion::v1, MmdsVersion::v2);
    const bool fits = rig.config.version == MmdsVersion::automatic ||
                      (rig.config.version == MmdsVersion::v2) == tokens;
    INFO("tokens " << tokens << ", imds " << imds << ", " << proto::name(rig.config.version));
    rig.service.put(test::mmds_data(imds ? texts_only : full_document));
    const restore::MmdsReading reading = rig.read_once();
    if (!fits) {
        CHECK(reading.outcome == MmdsOutcome::unreadable);
        CHECK(reading.why == (tokens ? "it answers 401" : "it answers 405"));
        return;
    }
    INFO(reading.why);
    REQUIRE(reading.outcome == MmdsOutcome::document);
    check_full(reading.document);
}

TEST_CASE("a text that holds the document is the document, in both forms", "[restore][mmds]") {
    MmdsRig rig({.imds_compat = GENERATE(true, false)});
    rig.service.put(test::mmds_data(json::string(json::serialize(full_document))));
    const restore::MmdsReading reading = rig.read_once();
    INFO(reading.why);
    REQUIRE(reading.outcome == MmdsOutcome::document);
    check_full(reading.document);
}

TEST_CASE("a token is asked for once, and anew before its life is over", "[restore][mmds]") {
    MmdsRig rig;
    rig.service.put(test::mmds_data(full_document));
    restore::MmdsClient client(rig.io.get_executor(), rig.config, 1s);
    std::size_t readings = 0;
    while (rig.service.count("PUT /latest/api/token 200") < 3 && readings < 100000) {
        REQUIRE(rig.read(client).outcome == MmdsOutcome::document);
        ++readings;
    }
    CHECK(readings > 3);
    CHECK(rig.service.count("GET /rouse/restore 401") == 0);
    CHECK(client.version() == "v2");
}

TEST_CASE("a token that the service does not know any more is replaced in the same reading",
          "[restore][mmds]") {
    MmdsRig rig;
    rig.service.put(test::mmds_data(full_document));
    restore::MmdsClient client(rig.io.get_executor(), rig.config);
    REQUIRE(rig.read(client).outcome == MmdsOutcome::document);
    rig.service.restore();
    CHECK(rig.read(client).outcome == MmdsOutcome::nothing);
    rig.service.put(test::mmds_data(full_document));
    CHECK(rig.read(client).outcome == MmdsOutcome::document);
    CHECK(rig.service.log() ==
          std::vector<std::string>{"PUT /latest/api/token 200", "GET /rouse/restore 200",
                                   "GET /rouse/restore 401", "PUT /latest/api/token 200",
                                   "GET /rouse/restore 404", "GET /rouse/restore 200"});
}

TEST_CASE("another document is told once, and one that goes and comes back is none",
          "[restore][mmds]") {
    MmdsRig rig;
    rig.service.put(test::mmds_data(full_document));
    restore::MmdsTrigger trigger(rig.io.get_executor(), rig.config);
    rig.watch(trigger);
    REQUIRE(rig.await_readings(trigger, 2));
    CHECK(rig.signals.empty());

    rig.service.restore();
    REQUIRE(rig.await_readings(trigger, 2));
    CHECK(trigger.status().at("why") == "it has no document");
    rig.service.put(test::mmds_data(full_document));
    REQUIRE(rig.await_readings(trigger, 2));
    CHECK(rig.signals.empty());

    // A host may renew the clock of a document: that is no other one.
    rig.service.put(test::mmds_data({{"generation", test::first_generation}, {"now_ns", 5}}));
    REQUIRE(rig.await_readings(trigger, 2));
    CHECK(rig.signals.empty());

    rig.service.restore();
    rig.service.put(test::mmds_data({{"generation", test::second_generation}, {"now_ns", 7}}));
    REQUIRE(rig.await_readings(trigger, 3));
    REQUIRE(rig.signals.size() == 1);
    CHECK(rig.signals[0].source == "mmds");
    CHECK(rig.signals[0].value == test::second_generation);
    CHECK(rig.signals[0].means == restore::Means::restore);
    REQUIRE(rig.signals[0].document);
    CHECK(rig.signals[0].document->now_ns == 7);
    CHECK(trigger.status().at("value") == test::second_generation);
}

TEST_CASE("a document where there was none is told", "[restore][mmds]") {
    MmdsRig rig;
    restore::MmdsTrigger trigger(rig.io.get_executor(), rig.config);
    rig.watch(trigger);
    REQUIRE(rig.await_readings(trigger, 1));
    rig.service.put(test::mmds_data({{"now_ns", 7}}));
    REQUIRE(rig.await_readings(trigger, 2));
    REQUIRE(rig.signals.size() == 1);
    CHECK(rig.signals[0].value == R"({"now_ns":7})");
}

TEST_CASE("a service that cannot be reached is asked less and less often, until somebody wonders",
          "[restore][mmds]") {
    MmdsRig rig;
    rig.config.poll = 100ms;
    rig.config.address = "127.0.0.1";
    {
        // A port of nobody: this one was somebody's a moment ago.
        boost::asio::io_context other{1};
        rig.config.port = MmdsFake(other, {}).port();
    }
    restore::MmdsTrigger trigger(rig.io.get_executor(), rig.config);
    const auto began = std::chrono::steady_clock::now();
    rig.watch(trigger);
    // Pauses of 200 and 400 ms come before the third.
    REQUIRE(rig.await_readings(trigger, 3));
    CHECK(std::chrono::steady_clock::now() - began >= 600ms);
    CHECK(trigger.status().at("state") == "unavailable");
    const auto asked = std::chrono::steady_clock::now();
    trigger.look();
    REQUIRE(rig.await_readings(trigger, 1));
    CHECK(std::chrono::steady_clock::now() - asked < 600ms); // else the pause is 800 ms
    CHECK(rig.signals.empty());
}

TEST_CASE("a service that cannot be reached is asked less and less often, and any answer ends that",
          "[restore][mmds]") {
    using restore::mmds_pause;
    CHECK(mmds_pause(1s, 1s, MmdsOutcome::unreachable) == 2s);
    CHECK(mmds_pause(8s, 1s, MmdsOutcome::unreachable) == proto::limits::mmds_poll_most);
    CHECK(mmds_pause(60s, 60s, MmdsOutcome::unreachable) == 60s);
    for (const auto outcome :
         {MmdsOutcome::document, MmdsOutcome::nothing, MmdsOutcome::unreadable})
        CHECK(mmds_pause(8s, 1s, outcome) == 1s);
}
