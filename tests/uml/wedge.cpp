// A way to the host that carries short packets only, as Cloud Hypervisor before 51 does: a packet
// that is too long wedges its connection for good.
#include "tests/support/wait.hpp"
#include "tests/uml/exactly_once.hpp"
#include "tests/uml/recovery.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>

#include <memory>
#include <set>

using namespace rouse;
using uml::Direction;
using uml::Op;
using uml::Packet;
using uml::Rig;
using uml::Verdict;
using uml::Vmm;

namespace {

/// Three redials after 5 s each, and back-off.
constexpr std::chrono::milliseconds healing_deadline = std::chrono::seconds(60);

/// Swallows the packets above this size, and what follows one on its connection.
uml::Script wedge_above(std::uint32_t bytes) {
    auto wedged = std::make_shared<std::set<uml::Ports>>();
    return [wedged, bytes](Vmm&, Direction direction, const Packet& packet) {
        const uml::Ports ports = packet.ports(direction);
        if (direction == Direction::to_guest || ports.host != uml::output_port ||
            !packet.is(Op::rw))
            return Verdict::deliver;
        if (packet.header.length > bytes) wedged->insert(ports);
        return wedged->contains(ports) ? Verdict::swallow : Verdict::deliver;
    };
}

} // namespace

TEST_CASE("a way that swallows every packet above 4 KiB heals by redials with shorter frames",
          "[uml]") {
    Rig rig({.profile = uml::cloud_hypervisor_older, .config = R"({"on_exit": "stay",
                           "workload": {"argv": ["/bin/rouse-payload", "trickle"]},
                           "output": {"send": "copy",
                                      "stdout": {"policy": "block"},
                                      "stderr": {"policy": "drop"}}})"});
    rig.wait_ready();
    const std::string generation = rig.generation();
    const std::size_t mark = rig.log_size();
    rig.set_script(wedge_above(4096));
    const auto swallowed = [&] {
        for (const uml::LogLine& line : rig.log(mark))
            if (line.note == "swallowed") return true;
        return false;
    };
    test::wait_until(
        swallowed, [] { return std::string("nothing was swallowed"); }, test::patience);
    uml::check_exec(rig); // other connections are well

    // More than all pipes hold: the way carries again.
    uml::wait_growth(rig.collected(), generation, 3U << 20U, healing_deadline);
    INFO(boost::json::serialize(test::status(rig.endpoint())));
    CHECK(uml::compare(rig.collected(), generation, "stdout") == "");
    CHECK(uml::lost_bytes(rig.collected(), generation, "stdout") == 0);
    CHECK(uml::compare(rig.collected(), generation, "stderr") == "");
    CHECK(uml::lost_bytes(rig.collected(), generation, "stderr") > 0);
    CHECK(uml::dialled_since(rig, mark, uml::output_port));
}
