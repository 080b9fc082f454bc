// What the agent tells of the triggers of its restore chains.
#include "tests/process/agent.hpp"
#include "tests/support/scripted_host.hpp"
#include "tools/lab/identity.hpp"
#include "tools/lab/places.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <array>
#include <future>
#include <sstream>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Agent;
using test::AgentPlace;
using test::payload;

namespace {

/// Of each trigger by the host's word or a lost link: its source, the epoch and what was made of
/// it.
using MadeOf = std::vector<std::array<std::string, 3>>;

void add_trigger(MadeOf& all, std::string source, std::string epoch, std::string made) {
    // A busy machine has doubts about its link now and then.
    if (source == "host" || source == "canary")
        all.push_back({std::move(source), std::move(epoch), std::move(made)});
}

MadeOf made_in_document(const std::string& text) {
    MadeOf all;
    const boost::json::value document = boost::json::parse(text);
    for (const boost::json::value& trigger : document.at("triggers").as_array())
        add_trigger(all, test::text_at(trigger, "/source"),
                    std::to_string(test::number_at(trigger, "/epoch")),
                    test::text_at(trigger, "/made"));
    return all;
}

/// The column EPOCH is aligned to the right, and two spaces before MADE.
MadeOf made_in_table(const std::string& text) {
    MadeOf all;
    std::istringstream in(text);
    std::string line;
    while (std::getline(in, line) && !line.starts_with("TRIGGER "))
        ;
    const std::size_t made = line.find("MADE");
    REQUIRE(made != std::string::npos);
    while (std::getline(in, line) && !line.empty()) {
        const std::size_t epoch = line.rfind(' ', made - 3) + 1;
        add_trigger(all, line.substr(0, line.find(' ')), line.substr(epoch, made - 2 - epoch),
                    line.substr(made, line.find(' ', made) - made));
    }
    return all;
}

std::string told_by(const std::vector<std::string>& argv) {
    const test::Said said = test::run_command(argv, test::patience);
    INFO(said.error);
    CHECK(said.status == 0);
    return said.output;
}

} // namespace

TEST_CASE("the epochs show each trigger of a restore and of a lost link, and what was made of it",
          "[inspect][restore][process]") {
    const AgentPlace place;
    test::ScriptedHost host(place.socket());
    const Agent agent(place, payload({"tell-signals"}));
    host.serve_link(agent.endpoint());
    const std::string body = fmt::format(R"({{"generation":"{}"}})", lab::random_uuid());
    const auto restore = [&] { return ask(agent.endpoint(), "POST", "/v1/restore", body).status; };
    auto word = std::async(std::launch::async, restore);
    (void)host.accept_link(); // of the chain that the word began
    host.link().connection().close();
    host.serve_link(agent.endpoint());
    CHECK(word.get() == 200);
    CHECK(restore() == 200);
    host.cut_link();
    host.serve_link(agent.endpoint());

    const MadeOf expected{{"host", "2", "began"},
                          {"canary", "2", "joined"},
                          {"host", "2", "repeated"},
                          {"canary", "3", "began"}};
    CHECK(made_in_document(ask(agent.endpoint(), "GET", "/v1/debug/epochs").body) == expected);
    const std::vector<std::string> inside =
        test::rouse({"debug", "epochs", "--socket", place.socket().string() + ".debug"});
    const std::vector<std::string> outside{lab::build_product("tools/rousectl").string(), "-H",
                                           agent.endpoint().target(), "debug", "epochs"};
    for (std::vector<std::string> argv : {inside, outside}) {
        const std::string table = told_by(argv);
        INFO(table);
        CHECK(made_in_table(table) == expected);
        CHECK_THAT(table, ContainsSubstring("epoch 2: restore by host, ") &&
                              ContainsSubstring("epoch 3: transport_loss by canary, "));
        argv.emplace_back("--json");
        CHECK(made_in_document(told_by(argv)) == expected);
    }
}
