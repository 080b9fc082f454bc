// The restore chain under `rouse run`: told by the host, or noticed by the canary.
#include "proto/exec_stream.hpp"
#include "tests/process/agent.hpp"
#include "tests/support/collected.hpp"
#include "tests/support/scripted_host.hpp"
#include "tests/support/sequence.hpp"
#include "tools/lab/identity.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <set>

using namespace rouse;
using test::Agent;
using test::AgentPlace;
using test::payload;
using test::ScriptedHost;

namespace {

proto::RestoreDocument document_with(const std::string& generation) {
    proto::RestoreDocument document;
    document.generation = generation;
    return document;
}

/// What POST /v1/restore answers.
proto::RestoreReport restore(const test::Endpoint& endpoint,
                             const proto::RestoreDocument& document) {
    const auto answer =
        ask(endpoint, "POST", "/v1/restore", boost::json::serialize(to_json(document)));
    INFO(answer.body);
    REQUIRE(answer.status == 200);
    return proto::parse_restore_report(proto::parse_json(answer.body).value()).value();
}

/// A connection that has had one answer and waits for its next request.
test::Connection keep_alive(const test::Endpoint& endpoint) {
    test::Connection connection = endpoint.connect();
    REQUIRE(
        connection.send(test::request_text("GET", "/v1/status", {}, "Connection: keep-alive\r\n")));
    REQUIRE(read_answer(connection).status == 200);
    return connection;
}

/// A command that gives back what it gets, from somebody who knows the guest by this generation.
test::FrameConnection cat_naming(const test::Endpoint& endpoint, const std::string& generation) {
    proto::ExecRequest request;
    request.command.argv = {"cat"};
    test::Connection connection = endpoint.connect();
    REQUIRE(connection.send(test::request_text(
        "POST", "/v1/exec", boost::json::serialize(proto::to_json(request)),
        fmt::format("Connection: Upgrade\r\nUpgrade: {}\r\nRouse-Generation: {}\r\n",
                    proto::exec_upgrade_token, generation))));
    return test::FrameConnection::switched(std::move(connection));
}

/// The names of the report's steps that have this outcome.
std::vector<std::string> steps(const proto::RestoreReport& report, const std::string& outcome) {
    std::vector<std::string> names;
    for (const auto& step : report.steps)
        if (step.outcome == outcome) names.push_back(step.name);
    return names;
}

/// The position of a step in the report; the number of steps when there is none.
std::ptrdiff_t place_of(const proto::RestoreReport& report, const std::string& name) {
    const auto found = std::find_if(report.steps.begin(), report.steps.end(),
                                    [&](const auto& step) { return step.name == name; });
    return found - report.steps.begin();
}

} // namespace

TEST_CASE("POST /v1/restore runs the chain, also when no host serves the link",
          "[restore][process]") {
    const AgentPlace place;
    const Agent agent(place, payload({"trickle"}));
    const auto epoch = test::number_at(test::status(agent.endpoint()), "/epoch");
    const std::string generation = lab::random_uuid();
    const auto report = restore(agent.endpoint(), document_with(generation));
    CHECK(report.kind == "restore");
    CHECK(report.trigger == "host");
    CHECK(report.exec == "local");
    CHECK(report.state == "degraded"); // done, and not confirmed by anybody
    CHECK(report.generation == generation);
    CHECK(report.epoch > epoch);
    CHECK(place_of(report, "fence") < place_of(report, "rebind"));
    CHECK(place_of(report, "rebind") < place_of(report, "confirm"));
    CHECK(test::text_at(test::status(agent.endpoint()), "/generation") == generation);
    CHECK(exec(agent.endpoint(), payload({"exit", "5"})).exit->code == 5U);
}

TEST_CASE("a restore that the host confirms is complete, step by step", "[restore][process]") {
    const AgentPlace place;
    const test::TemporaryDirectory folder;
    const test::Collector collector(place.endpoint().target(), folder.path());
    const Agent agent(place, payload({"trickle"}));
    (void)collector.collected().wait_event("output_connected");
    const std::string generation = lab::random_uuid();
    const auto report = restore(agent.endpoint(), document_with(generation));
    CHECK(report.state == "complete");
    CHECK(report.exec == "proven");
    CHECK(report.generation == generation);
    CHECK(steps(report, "failed").empty());
    for (const auto& [earlier, later] :
         {std::pair("fence", "rebind"), std::pair("rebind", "link"), std::pair("link", "confirm"),
          std::pair("confirm", "output")})
        CHECK(place_of(report, earlier) < place_of(report, later));
    // The collector saw the same report before it saw output of the new generation.
    const auto told = collector.collected().wait_event("confirm", [&](const test::Event& event) {
        return event.at("report").at("generation") == boost::json::value(generation);
    });
    CHECK(test::number_at(told, "/report/epoch") == report.epoch);
}

TEST_CASE("a restore closes the connections from before, not the one that asked for it",
          "[restore][process]") {
    const AgentPlace place;
    const Agent agent(place, payload({"trickle"}));
    test::Connection old = agent.endpoint().connect();
    REQUIRE(old.send(test::request_text("GET", "/v1/status", {}, "Connection: keep-alive\r\n")));
    REQUIRE(read_answer(old).status == 200);
    proto::ExecRequest request;
    request.command.argv = {"cat"};
    auto stream = test::FrameConnection::exec(agent.endpoint(), request);
    (void)stream.expect(proto::FrameType::started);

    const auto answer = ask(agent.endpoint(), "POST", "/v1/restore",
                            boost::json::serialize(to_json(document_with(lab::random_uuid()))));
    CHECK(answer.status == 200);
    CHECK(old.ends_within(test::patience));
    CHECK(stream.connection().ends_within(test::patience));
    CHECK(exec(agent.endpoint(), {"echo", "new"}).out.bytes == "new\n");
}

TEST_CASE("a keep-alive connection that spans a snapshot is closed; an exec that was opened before "
          "anybody noticed, and the connection that brings the word, live on",
          "[restore][process]") {
    const AgentPlace place;
    const Agent agent(place, payload({"trickle"}));
    test::Connection old = keep_alive(agent.endpoint());
    test::Connection bringer = keep_alive(agent.endpoint());
    // The machine goes on here, as another one, and its host knows already as which.
    const std::string generation = lab::random_uuid();
    auto early = cat_naming(agent.endpoint(), generation);
    (void)early.expect(proto::FrameType::started);

    REQUIRE(bringer.send(test::request_text(
        "POST", "/v1/restore", boost::json::serialize(to_json(document_with(generation))),
        "Connection: keep-alive\r\n")));
    CHECK(read_answer(bringer).status == 200);
    CHECK(old.ends_within(test::patience));
    CHECK(run_stream(early, "as ever\n").out == "as ever\n");
    REQUIRE(bringer.send(test::request_text("GET", "/v1/status")));
    CHECK(read_answer(bringer).status == 200);
    CHECK(ask(agent.endpoint(), "GET", "/v1/status").status == 200);
}

TEST_CASE("a guest whose hello has no answer asks whether the host is still there",
          "[restore][process]") {
    const AgentPlace place;
    ScriptedHost host(place.socket());
    const Agent agent(place, payload({"trickle"}));
    const auto hello = host.accept_link();
    for (int ping = 0; ping < 2; ++ping)
        (void)host.link().expect(proto::FrameType::ping);
    CHECK(host.confirm(agent.endpoint(), hello).state == "complete");
    // Whoever owes the streams their welcome is told so over the link.
    std::set<std::string> streams;
    while (streams.size() < 2) {
        const auto frame = host.link().expect(proto::FrameType::event);
        const auto event = proto::parse_event(frame.payload).value();
        if (event.type == "output_unanswered")
            streams.insert(boost::json::value_to<std::string>(event.body.at("stream")));
    }
    CHECK(streams == std::set<std::string>{"stderr", "stdout"});
}

TEST_CASE("a lost link is noticed, and the host's word decides what it was", "[restore][process]") {
    const AgentPlace place;
    ScriptedHost host(place.socket());
    const Agent agent(place, payload({"trickle"}));
    const auto first = host.accept_link();
    CHECK(host.confirm(agent.endpoint(), first).kind == "boot");
    std::vector<test::OutputConnection> old;
    for (int stream = 0; stream < 2; ++stream) {
        old.push_back(host.accept_output());
        ScriptedHost::welcome(old.back());
    }

    host.link().connection().close();
    const auto second = host.accept_link();
    CHECK(second.boot_id == first.boot_id);
    CHECK(second.epoch > first.epoch);
    CHECK(second.link_key != first.link_key);
    const auto same = host.confirm(agent.endpoint(), second, document_with(first.generation));
    CHECK(same.kind == "transport_loss");
    CHECK(same.trigger == "canary");

    for (int stream = 0; stream < 2; ++stream) {
        auto output = host.accept_output();
        CHECK(output.hello.epoch == second.epoch);
        CHECK(output.hello.generation == first.generation);
        ScriptedHost::welcome(output);
    }
    host.link().connection().close();
    const auto third = host.accept_link();
    const std::string generation = lab::random_uuid();
    const auto other = host.confirm(agent.endpoint(), third, document_with(generation));
    CHECK(other.kind == "restore");
    CHECK(other.generation == generation);
    CHECK(other.parent_generation == first.generation);
    CHECK(host.accept_output().hello.generation == generation);
}

TEST_CASE("a host that answers the probe's nonce wrongly is not believed", "[restore][process]") {
    const AgentPlace place;
    ScriptedHost host(place.socket());
    const Agent agent(place, payload({"trickle"}));
    (void)host.accept_link();
    const proto::LinkHelloAck ack{
        .version = 1, .nonce = std::string(32, '0'), .document = document_with(lab::random_uuid())};
    (void)host.link().send(proto::FrameType::hello_ack, proto::to_json(ack)); // its end shows below
    CHECK(host.link().connection().ends_within(test::patience));
    // It dials again, and then a host that does it right is served.
    CHECK(host.confirm(agent.endpoint(), host.accept_link()).exec == "proven");
}

TEST_CASE("bad restore documents are refused and change nothing", "[restore][process]") {
    const AgentPlace place;
    const Agent agent(place, payload({"trickle"}));
    const auto before = test::status(agent.endpoint());
    for (const std::string body :
         {"", "{", "[]", R"({"generation": 5})", R"({"generation": "no uuid"})",
          R"({"now_ns": "late"})", R"({"entropy": "?"})", R"({"frobnicate": 1})"}) {
        INFO(body);
        const auto answer = ask(agent.endpoint(), "POST", "/v1/restore", body);
        CHECK(answer.status == 400);
    }
    const auto after = test::status(agent.endpoint());
    CHECK(test::text_at(after, "/generation") == test::text_at(before, "/generation"));
    CHECK(test::number_at(after, "/epoch") == test::number_at(before, "/epoch"));
}

TEST_CASE("a collector is resumed at its offset after a restore", "[restore][process]") {
    const AgentPlace place;
    const test::TemporaryDirectory folder;
    const test::Collector collector(place.endpoint().target(), folder.path());
    const auto& collected = collector.collected();
    const Agent agent(place, payload({"trickle"}), test::blocking_output);
    const auto grows = [&](const std::string& generation, std::uint64_t beyond) {
        test::wait_until([&] { return collected.size(generation, "stdout") > beyond; },
                         [] { return std::string("no output"); }, test::patience);
    };
    (void)collected.wait_event("output_connected");
    const std::string first = collected.generations().at(0);
    grows(first, 100000);
    const std::string second = lab::random_uuid();
    REQUIRE(ask(agent.endpoint(), "POST", "/v1/restore",
                boost::json::serialize(to_json(document_with(second))))
                .status == 200);
    grows(second, 100000);
    const auto start = test::number_at(collected.record(second, "stdout"), "/start");
    const std::string before = collected.bytes(first, "stdout");
    const std::string after = collected.bytes(second, "stdout");
    CHECK(start <= before.size());
    CHECK(test::matching_sequence(1, 0, before) == before.size());
    CHECK(test::matching_sequence(1, start, after) == after.size());
}
