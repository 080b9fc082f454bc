// An id makes a retry safe: wherever a connection breaks, its command is not lost, and it never
// runs twice.
#include "tests/process/exec_scene.hpp"
#include "tests/support/sequence.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <set>
#include <stdexcept>

using namespace rouse;
using proto::FrameType;
using test::Agent;
using test::AgentPlace;
using test::ExecForm;
using test::FrameConnection;
using test::payload;

namespace {

/// A command that leaves a mark each time it runs.
proto::ExecRequest marking_request(const AgentPlace& place, const std::string& id,
                                   const std::string& rest) {
    return test::shell_request(
        fmt::format("echo mark >>{}; {}", (place.folder() / id).string(), rest), id);
}

/// How often the command ran.
std::ptrdiff_t runs_of(const AgentPlace& place, const std::string& id) {
    const std::string marks = test::text_of(place.folder() / id);
    return std::count(marks.begin(), marks.end(), '\n');
}

/// The number of a session's process, however it was asked for: the command says it, too.
pid_t pid_of_answer(const test::HttpAnswer& answer, ExecForm form) {
    if (form == ExecForm::plain)
        return static_cast<pid_t>(
            test::leading_number(proto::parse_exec_result(answer.body).value().out.bytes));
    const auto document = proto::parse_json(answer.body).value();
    return static_cast<pid_t>(test::number_at(document, "/pid"));
}

/// Asks once more, and waits for the command's end; its exit code.
std::uint64_t retry(const Agent& agent, const proto::ExecRequest& request, ExecForm form) {
    const auto& guest = agent.endpoint();
    if (form == ExecForm::stream) {
        auto stream = FrameConnection::exec(guest, request);
        return run_stream(stream).exit.value().code.value();
    }
    const auto answer = test::ask_all(guest, {exec_text(request, form)}, 1).front();
    if (form == ExecForm::plain)
        return proto::parse_exec_result(answer.body).value().exit.value().code.value();
    const auto ended = ask(guest, "GET", fmt::format("/v1/sessions/{}/wait", request.session.id));
    const auto document = proto::parse_json(ended.body).value();
    return test::number_at(document, "/exit/code");
}

/// Some positions in `size` bytes: the first and the last ones, and those between them.
std::set<std::size_t> cut_positions(std::size_t size) {
    constexpr std::size_t between = 30;
    std::set<std::size_t> positions{1, 2, size - 2, size - 1, size};
    for (std::size_t at = 1; at < between; ++at)
        positions.insert(size * at / between);
    return positions;
}

} // namespace

TEST_CASE("an id posted a hundred times at once runs once, and all see the same process",
          "[exec-retry][exec][process]") {
    const auto form = GENERATE(ExecForm::plain, ExecForm::detached);
    constexpr std::size_t posts = 100;
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    const auto go = place.folder() / "go";
    const auto request = marking_request(
        place, "once",
        fmt::format("echo $$; while ! [ -e {} ]; do sleep 0.01; done; exit 3", go.string()));
    std::vector<test::Connection> clients;
    for (std::size_t post = 0; post < posts; ++post) {
        clients.push_back(agent.endpoint().connect());
        REQUIRE(clients.back().send(exec_text(request, form)));
    }
    test::wait_until([&] { return runs_of(place, "once") > 0; }, [] { return "it does not run"; },
                     test::patience);
    const pid_t pid = static_cast<pid_t>(test::session_of(agent.endpoint(), "once").pid);
    std::ofstream(go).flush();
    for (test::Connection& client : clients)
        CHECK(pid_of_answer(read_answer(client), form) == pid);
    CHECK(retry(agent, request, form) == 3);
    CHECK(runs_of(place, "once") == 1);
}

TEST_CASE("an id posted a hundred times for a stream runs once, and the last one controls it",
          "[exec-retry][exec][process]") {
    constexpr std::size_t posts = 100;
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    const auto request = marking_request(place, "once", "read line; echo $$; exit 3");
    std::vector<test::Connection> clients;
    for (std::size_t post = 0; post < posts; ++post) {
        clients.push_back(agent.endpoint().connect());
        REQUIRE(clients.back().send(exec_text(request, ExecForm::stream)));
    }
    std::set<pid_t> pids;
    std::size_t controllers = 0;
    for (test::Connection& client : clients) {
        const bool is_last = &client == &clients.back();
        auto stream = FrameConnection::switched(std::move(client));
        const proto::Frame first = stream.receive().value();
        if (first.header.type != FrameType::started) continue; // replaced before it started
        const auto started = proto::parse_json(first.payload).value();
        pids.insert(static_cast<pid_t>(test::number_at(started, "/pid")));
        const auto listed = test::session_of(agent.endpoint(), "once");
        if (!is_last || !listed.controlled) continue;
        ++controllers;
        const auto result = run_stream(stream, "go\n");
        CHECK(result.out == fmt::format("{}\n", listed.pid));
        CHECK(result.exit->code == 3U);
    }
    CHECK(controllers == 1);
    CHECK(pids.size() == 1);
    CHECK(runs_of(place, "once") == 1);
}

TEST_CASE("wherever a request breaks off, its retry runs the command once",
          "[exec-retry][exec][process]") {
    const auto form = GENERATE(ExecForm::plain, ExecForm::detached, ExecForm::stream);
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    const auto request_for = [&](std::size_t cut) {
        return marking_request(place, fmt::format("cut-{:03}", cut), "exit 3");
    };
    const std::size_t size = exec_text(request_for(0), form).size();
    for (const std::size_t cut : cut_positions(size)) {
        CAPTURE(cut, size);
        const auto request = request_for(cut);
        auto broken = agent.endpoint().connect();
        REQUIRE(broken.send(std::string_view(exec_text(request, form)).substr(0, cut)));
        broken.close();
        // A part of a request is none.
        const auto shown = ask(agent.endpoint(), "GET", "/v1/sessions/" + request.session.id);
        if (cut < size) CHECK(shown.status == 404);
        CHECK(retry(agent, request, form) == 3);
        CHECK(runs_of(place, request.session.id) == 1);
    }
}

TEST_CASE("an answer that breaks off is had again, whole", "[exec-retry][exec][process]") {
    constexpr std::size_t output = 200'000;
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    const auto request =
        marking_request(place, "answer", payload({}).front() + " lines 200000; exit 3");
    const std::string text = exec_text(request, ExecForm::plain);
    std::size_t had = 0;
    for (std::size_t least = 1; least <= output; least *= 8) {
        auto broken = agent.endpoint().connect();
        REQUIRE(broken.send(text));
        for (had = 0; had < least;)
            had += broken.receive().value().size();
    }
    const auto answer = test::ask_all(agent.endpoint(), {text}, 1).front();
    const auto result = proto::parse_exec_result(answer.body).value();
    CHECK(result.exit->code == 3U);
    CHECK(result.out.bytes.size() == output);
    CHECK(runs_of(place, "answer") == 1);
}

TEST_CASE("an id is for one request, and a forgotten one is for none",
          "[exec-retry][exec][process]") {
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    const auto request = marking_request(place, "old", "exit 3");
    const auto status_of = [&](const proto::ExecRequest& wanted, ExecForm form) {
        return test::ask_all(agent.endpoint(), {exec_text(wanted, form)}, 1).front().status;
    };
    REQUIRE(retry(agent, request, ExecForm::plain) == 3);
    auto other = request;
    other.command.env["COLOUR"] = "green";
    CHECK(status_of(other, ExecForm::plain) == 409);
    CHECK(status_of(request, ExecForm::detached) == 409);
    CHECK(status_of(request, ExecForm::stream) == 409);

    std::vector<std::string> texts;
    for (std::size_t number = 0; number < proto::limits::sessions_remembered; ++number)
        texts.push_back(
            exec_text(test::exec_request(payload({"exit", "0"}), fmt::format("new-{}", number)),
                      ExecForm::plain));
    for (const auto& answer : test::ask_all(agent.endpoint(), texts, 16))
        REQUIRE(answer.status == 200);
    for (const ExecForm form : {ExecForm::plain, ExecForm::detached, ExecForm::stream}) {
        CHECK(status_of(request, form) == 410);
        CHECK(status_of(other, form) == 410);
    }
    CHECK(ask(agent.endpoint(), "GET", "/v1/sessions/old").status == 410);
    CHECK(runs_of(place, "old") == 1);
}
