// What a guest that is prepared for a snapshot says of it when it greets its host: the VM that the
// snapshot makes greets like that. What freezes needs a cgroup v2 to change, so it needs root.
#include "tests/process/exec_scene.hpp"
#include "tests/process/snapshot_scene.hpp"
#include "tests/support/scripted_host.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace rouse;
using test::Agent;
using test::AgentPlace;
using test::prepare;
using test::resume;
using test::ScriptedHost;

namespace {

/// Cuts the link that there is, and confirms the one that the guest dials then; what its hello
/// said.
proto::LinkHello next_hello(ScriptedHost& host, const test::Endpoint& guest) {
    host.cut_link();
    proto::LinkHello hello = host.accept_link();
    CHECK(host.confirm(guest, hello).kind == "transport_loss");
    host.keep_link();
    return hello;
}

void wait_expired(const test::Endpoint& guest) {
    const auto state = [&] {
        return test::text_at(test::document(guest, "/v1/debug/epochs"), "/prepare/state");
    };
    test::wait_until([&] { return state() == "expired"; }, state, test::patience);
}

} // namespace

TEST_CASE("a hello says that the guest is prepared, as long as it is", "[snapshot][process]") {
    const AgentPlace place;
    ScriptedHost host(place.socket());
    const Agent agent(place, test::idle_workload());
    const test::Endpoint& guest = agent.endpoint();
    const auto born = host.accept_link();
    (void)host.confirm(guest, born); // What the boot reports is what other tests are about.
    host.keep_link();
    CHECK(born.prepare == "none");

    const auto prepared = prepare(guest);
    REQUIRE(prepared.state == "prepared");
    for (int loss = 0; loss < 2; ++loss)
        CHECK(next_hello(host, guest).prepare == "prepared");
    // Its host said that connections were lost and no more: the payload waits for its own word.
    CHECK(test::is_frozen(guest, "main"));
    CHECK(resume(guest, prepared.lease).state == "resumed");
    CHECK(next_hello(host, guest).prepare == "none");
}

TEST_CASE("a hello says that the lease ran out, until somebody has heard it or prepares again",
          "[snapshot][process]") {
    const AgentPlace place;
    ScriptedHost host(place.socket());
    const Agent agent(place, test::idle_workload());
    const test::Endpoint& guest = agent.endpoint();
    host.serve_link(guest);
    for (const bool again : {false, true}) {
        INFO("prepares again: " << again);
        const auto prepared = prepare(guest, R"({"lease_ms": 300})");
        REQUIRE(prepared.state == "prepared");
        wait_expired(guest);
        CHECK(next_hello(host, guest).prepare == "expired");
        if (again)
            REQUIRE(prepare(guest).state == "prepared");
        else
            CHECK(resume(guest, prepared.lease).state == "expired");
        CHECK(next_hello(host, guest).prepare == (again ? "prepared" : "none"));
    }
}
