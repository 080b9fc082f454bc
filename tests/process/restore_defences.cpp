// The rows of the failure table that belong to the restore: each scenario keeps its promise with
// its defence, and breaks it when the defence is switched off.
#include "tests/process/agent.hpp"
#include "tests/support/scripted_host.hpp"
#include "tools/lab/identity.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <array>
#include <future>

using namespace rouse;
using namespace std::chrono_literals;
using test::Agent;
using test::AgentPlace;
using test::Environment;
using test::payload;
using test::ScriptedHost;

namespace {

std::string restore_body() {
    proto::RestoreDocument document;
    document.generation = lab::random_uuid();
    return boost::json::serialize(to_json(document));
}

/// A restore that two triggers notice makes one chain: the link is dialled once.
bool two_triggers_make_one_chain(const Environment& environment) {
    const AgentPlace place;
    ScriptedHost host(place.socket());
    const Agent agent(place, payload({"trickle"}), {}, environment);
    (void)host.confirm(agent.endpoint(), host.accept_link());
    host.link().connection().close();
    const proto::LinkHello hello = host.accept_link(); // the canary's chain waits for us
    auto word = std::async(std::launch::async, [&] {
        return ask(agent.endpoint(), "POST", "/v1/restore", restore_body());
    });
    const bool one = host.link_listener().stays_quiet(700ms);
    (void)host.confirm(agent.endpoint(), one ? hello : host.accept_link());
    return word.get().status == 200 && one;
}

/// No output connects before the host has confirmed.
bool output_waits_for_confirm(const Environment& environment) {
    const AgentPlace place;
    const ScriptedHost host(place.socket());
    const Agent agent(place, payload({"trickle"}), {}, environment);
    return host.output_listener().stays_quiet(700ms);
}

/// A connection from before the restore ends; nobody waits on it for ever.
bool old_connections_are_closed(const Environment& environment) {
    const AgentPlace place;
    const Agent agent(place, payload({"trickle"}), {}, environment);
    test::Connection old = agent.endpoint().connect();
    if (!old.send(test::request_text("GET", "/v1/status", {}, "Connection: keep-alive\r\n")))
        return false;
    if (read_answer(old).status != 200) return false;
    if (ask(agent.endpoint(), "POST", "/v1/restore", restore_body()).status != 200) return false;
    return old.ends_within(2s);
}

struct DefenceRow {
    const char* defence;
    bool (*promise)(const Environment& environment);
};

constexpr std::array restore_rows{
    DefenceRow{"coalesce", two_triggers_make_one_chain},
    DefenceRow{"confirm-first", output_waits_for_confirm},
    DefenceRow{"conn-tracker", old_connections_are_closed},
};

} // namespace

TEST_CASE("each defence of the restore is what keeps its promise", "[restore][process]") {
    const DefenceRow& row = GENERATE(from_range(restore_rows));
    INFO(row.defence);
    CHECK(row.promise({}));
    CHECK_FALSE(row.promise({{"ROUSE_DEFENCE_OFF", row.defence}}));
}
