// Documents of prepare and resume.
#include "proto/link.hpp"
#include "proto/snapshot.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace rouse::proto;
namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

constexpr const char* lease_id = "0b9f5f9e-6a43-4c54-9d5c-2d1c4c1b7a10";

} // namespace

TEST_CASE("documents of a snapshot come back as they were sent", "[proto]") {
    PrepareRequest request;
    request.freeze = false;
    request.sync = false;
    request.freeze_filesystems = {"/", "/data"};
    request.flush = 1ms;
    request.lease = 2ms;
    request.deadline = 3ms;
    REQUIRE(parse_prepare_request(json::serialize(to_json(request))).value() == request);
    const Prepared prepared{.state = "prepared",
                            .lease = lease_id,
                            .lease_ms = 60000,
                            .frozen = true,
                            .open = {{.id = 3, .role = "link", .peer = "vsock:2:4001", .epoch = 2}},
                            .unflushed_bytes = 7,
                            .steps = {{"freeze", "ok", 12, ""}, {"flush", "unproven", 3, "why"}},
                            .total_us = 99};
    REQUIRE(parse_prepared(json::serialize(to_json(prepared))).value() == prepared);
    const ResumeRequest resume{.lease = lease_id};
    REQUIRE(parse_resume_request(json::serialize(to_json(resume))).value() == resume);
    const Resumed resumed{.state = "resumed", .steps = {{"thaw", "ok", 1, ""}}};
    REQUIRE(parse_resumed(json::serialize(to_json(resumed))).value() == resumed);
    LinkHello hello{.versions = {1},
                    .boot_id = "b",
                    .generation = lease_id,
                    .epoch = 7,
                    .link_key = "k",
                    .nonce = "n",
                    .exec_port = 1001,
                    .streams = {},
                    .prepare = "expired"};
    REQUIRE(parse_link_hello(json::serialize(to_json(hello))).value() == hello);
    hello.prepare.clear(); // an agent that does not say
    REQUIRE_FALSE(to_json(hello).as_object().contains("prepare"));
    REQUIRE(parse_link_hello(json::serialize(to_json(hello))).value() == hello);
}

TEST_CASE("an empty request of prepare asks for the defaults", "[proto]") {
    const std::string body = GENERATE("", "{}");
    REQUIRE(parse_prepare_request(body).value() == PrepareRequest{});
    REQUIRE(parse_resume_request(body).value() == ResumeRequest{});
}

TEST_CASE("what is wrong with a request of prepare or resume is said with its place", "[proto]") {
    struct Row {
        std::string body;
        std::string problem;
    };
    const auto row =
        GENERATE(Row{R"({"freeze": "yes"})", "$.freeze: must be true or false"},
                 Row{R"({"freeze_filesystems": ["/a", "b"]})",
                     "$.freeze_filesystems[1]: must be an absolute path"},
                 Row{R"({"flush_ms": 600001})", "$.flush_ms: must be between 0 and 600000"},
                 Row{R"({"lease_ms": 0})", "$.lease_ms: must be between 1 and 3600000"},
                 Row{R"({"deadline_ms": 0})", "$.deadline_ms: must be between 1 and 600000"},
                 Row{R"({"frieze": true})", "$.frieze: is not a known key"});
    REQUIRE(parse_prepare_request(row.body).error().message() == row.problem);
    REQUIRE(parse_resume_request(R"({"lease": "1"})").error().message() ==
            "$.lease: must be a UUID");
    std::string many = R"({"freeze_filesystems": ["/")";
    for (int i = 0; i < 16; ++i)
        many += R"(, "/")";
    REQUIRE(parse_prepare_request(many + "]}").error().message() ==
            "$.freeze_filesystems: must have at most 16 members");
}
