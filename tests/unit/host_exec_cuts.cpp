// A session over connections that break, from the host's side.
#include "tests/unit/host_session_rig.hpp"

using namespace rouse;
using namespace rouse::test;

TEST_CASE("wherever the guest's bytes break off, nothing is lost and nothing comes twice",
          "[host][session]") {
    // The whole of it is some 4 100 bytes: the answer's head, STARTED, seven DATA, EXIT, two EOS.
    for (std::size_t at = 0; at < 4200; at += 61) {
        INFO("cut after " << at << " bytes");
        SessionRig rig;
        rig.guest.cuts = {{.after_sent = at}};
        const auto end = rig.run();
        check_whole(rig, end);
    }
}

TEST_CASE("wherever the client's bytes break off, its stdin arrives once", "[host][session]") {
    for (std::size_t at = 0; at < 2300; at += 53) {
        INFO("cut after " << at << " bytes");
        SessionRig rig;
        rig.guest.cuts = {{.after_received = at}, {.after_sent = 150}, {.after_received = at / 2}};
        const auto end = rig.run();
        check_whole(rig, end);
    }
}

TEST_CASE("before STARTED the request is posted again, after it the session is attached to",
          "[host][session]") {
    SessionRig rig;
    rig.guest.cuts = {{.after_sent = 0}, {.after_sent = 40}, {.after_sent = 1000}};
    const auto end = rig.run();
    check_whole(rig, end);
    REQUIRE(rig.guest.requests().size() == 4);
    CHECK(rig.guest.requests()[0] == "POST /v1/exec");
    CHECK(rig.guest.requests()[1] == "POST /v1/exec");
    CHECK(rig.guest.requests()[2] == "POST /v1/exec");
    CHECK(rig.guest.bodies()[0] == rig.guest.bodies()[2]);
    CHECK(rig.guest.requests()[3] == fmt::format("POST /v1/sessions/{}/attach", rig.client.id()));
    CHECK(rig.connections == 2);
    CHECK(rig.notices == std::vector<std::string>());
}

TEST_CASE("more input and output than any window goes over breaking connections",
          "[host][session]") {
    SessionRig rig;
    rig.guest.out = SessionRig::numbers(1'000'000);
    rig.input = SessionRig::numbers(500'000);
    for (std::size_t n = 1; n < 9; ++n)
        rig.guest.cuts.push_back({.after_sent = n * 30'011, .after_received = n * 20'011});
    const auto end = rig.run();
    REQUIRE(end.has_value());
    CHECK(rig.out == SessionRig::numbers(1'000'000));
    CHECK(rig.guest.in() == SessionRig::numbers(500'000));
    CHECK(rig.guest.complaints() == std::vector<std::string>());
}
