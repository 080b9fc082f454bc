// What the guest makes of a restore under each VMM that is imitated.
#include "tests/support/wait.hpp"
#include "tests/uml/exactly_once.hpp"
#include "tests/uml/recovery.hpp"
#include "tools/lab/guest.hpp"
#include "tools/lab/identity.hpp"
#include "tools/lab/places.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace rouse;
using uml::Direction;
using uml::LogLine;
using uml::Op;
using uml::Profile;
using uml::Rig;
using uml::Vmm;

static_assert(uml::profiles.size() == 5, "each is a turn of every test below");

namespace {

constexpr std::uint32_t link_port = 4001;

/// What `rousectl restore` answers for a new generation: the report of the guest. A late reset ends
/// the connection that asks; saying the same generation twice is saying it once.
proto::RestoreReport restore(Rig& rig, const std::string& generation) {
    const std::vector<std::string> command{lab::build_product("tools/rousectl").string(),
                                           "-H",
                                           rig.endpoint().target(),
                                           "restore",
                                           "--generation",
                                           generation,
                                           "--json"};
    const bool late =
        rig.vmm([](Vmm& vmm) { return vmm.profile().notice; }) == Profile::Notice::late_reset;
    test::Said said = test::run_command(command, uml::recovery_deadline);
    // The reset ends it, and perhaps the chain that this begins ends the next one.
    for (int tries = 1; late && said.status != 0 && tries < 5; ++tries)
        said = test::run_command(command, uml::recovery_deadline);
    INFO(said.output << said.error);
    REQUIRE(said.status == 0);
    return proto::parse_restore_report(proto::parse_json(said.output).value()).value();
}

/// A late reset comes with the first new connection, and ends it.
void await_late_reset(Rig& rig, std::size_t mark) {
    (void)lab::http_get_status(rig.endpoint().target(), "/v1/status",
                               lab::Deadline(std::chrono::seconds(1)));
    const auto has_come = [&] {
        for (const LogLine& line : rig.log(mark))
            if (line.note == "TRANSPORT_RESET") return true;
        return false;
    };
    test::wait_until(
        has_come, [] { return std::string("no late reset"); }, test::patience);
}

/// How the guest hears of a restore has to be what the profile says.
void check_notice(Rig& rig, std::size_t mark, const Profile& profile) {
    std::size_t resets = 0;
    for (const LogLine& line : rig.log(mark))
        if (line.note == "TRANSPORT_RESET") ++resets;
    const bool by_event = profile.notice == Profile::Notice::reset ||
                          profile.notice == Profile::Notice::gated_reset ||
                          profile.notice == Profile::Notice::late_reset;
    CHECK(resets == (by_event ? 1U : 0U));
}

/// Nothing is given to the guest between the event and its acknowledgement.
void check_gate(Rig& rig, std::size_t mark) {
    bool gated = false;
    for (const LogLine& line : rig.log(mark)) {
        if (line.note == "TRANSPORT_RESET") gated = true;
        if (line.note == "the guest refilled the event queue") gated = false;
        INFO(to_text(line));
        CHECK(!(gated && line.header && line.direction == Direction::to_guest));
    }
}

} // namespace

TEST_CASE("a reset without a restore is a transport loss, under every VMM", "[uml][profiles]") {
    const Profile profile = uml::profiles.at(GENERATE(0U, 1U, 2U, 3U, 4U));
    INFO(profile.name);
    Rig& rig = Rig::shared();
    // The connections of the VMM before have other credit.
    rig.vmm([&](Vmm& vmm) {
        vmm.restore();
        vmm.set_profile(profile);
    });
    uml::check_recovered(rig);
    const std::string generation = rig.generation();
    test::Connection idle = rig.endpoint().connect();
    REQUIRE(idle.send(test::request_text("GET", "/v1/status", {}, "Connection: keep-alive\r\n")));
    REQUIRE(read_answer(idle).status == 200);

    const std::size_t mark = rig.log_size();
    rig.vmm([](Vmm& vmm) { vmm.restore(); });
    if (profile.notice == Profile::Notice::late_reset) await_late_reset(rig, mark);
    uml::check_recovered(rig);
    CHECK(rig.generation() == generation);
    check_notice(rig, mark, profile);
    if (profile.notice == Profile::Notice::gated_reset) check_gate(rig, mark);
    CHECK(uml::dialled_since(rig, mark, uml::output_port));
    // Who hears nothing of it has no reason to dial the link.
    if (profile.notice != Profile::Notice::silence)
        test::wait_until([&] { return uml::dialled_since(rig, mark, link_port); },
                         [] { return std::string("the link was not dialled"); },
                         uml::recovery_deadline);
}

TEST_CASE("a restore that the host announces is complete, under every VMM", "[uml][profiles]") {
    const Profile profile = uml::profiles.at(GENERATE(0U, 1U, 2U, 3U, 4U));
    INFO(profile.name);
    Rig& rig = Rig::shared();
    rig.vmm([&](Vmm& vmm) {
        vmm.restore();
        vmm.set_profile(profile);
    });
    uml::check_recovered(rig);
    const std::string parent = rig.generation();
    const std::string generation = lab::random_uuid();
    const std::size_t mark = rig.log_size();
    const auto cid = rig.vmm([](Vmm& vmm) {
        // A CID belongs to the device; only QEMU is given another one at a restore.
        const bool moves = vmm.profile().notice == Profile::Notice::reset;
        vmm.restore(moves ? vmm.cid() + 1 : vmm.cid());
        return vmm.cid();
    });
    const auto report = restore(rig, generation);
    INFO(boost::json::serialize(to_json(report)));
    CHECK(report.kind == "restore");
    CHECK(report.generation == generation);
    CHECK(report.parent_generation == parent);
    test::wait_until([&] { return rig.generation() == generation; },
                     [] { return std::string("no output of the new generation"); },
                     uml::recovery_deadline);
    uml::check_recovered(rig);
    uml::check_output(rig, parent);
    CHECK(uml::dialled_since(rig, mark, link_port));
    CHECK(rig.vmm([](Vmm& vmm) { return vmm.cid(); }) == cid);
    const auto status = test::status(rig.endpoint());
    CHECK(test::text_at(status, "/generation") == generation);
}
