// One fault at a time while output flows: every byte arrives once, and the guest stays of use.
#include "tests/support/wait.hpp"
#include "tests/uml/exactly_once.hpp"
#include "tests/uml/frame_tracker.hpp"
#include "tests/uml/recovery.hpp"
#include "tools/lab/places.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>

#include <memory>

using namespace rouse;
using namespace std::chrono_literals;
using uml::Direction;
using uml::Drain;
using uml::LogLine;
using uml::Op;
using uml::Packet;
using uml::Rig;
using uml::Verdict;
using uml::Vmm;

namespace {

constexpr std::uint32_t exec_port = 1001;

/// Restores when so many packets have passed after which a frame of the output is unfinished. The
/// packet itself is delivered first, or lost.
uml::Script restore_in_frame(unsigned packets, Verdict last) {
    auto tracker = std::make_shared<uml::FrameTracker>(uml::output_port);
    return [tracker, packets, last](Vmm& vmm, Direction direction, const Packet& packet) mutable {
        if (direction == Direction::to_guest || packets == 0) return Verdict::deliver;
        if (!tracker->unfinished_behind(packet) || --packets > 0) return Verdict::deliver;
        // On the spot, the packet and all that follows it belong to a connection of the past.
        if (last == Verdict::swallow)
            vmm.restore();
        else
            vmm.after(0ms, [&vmm] { vmm.restore(); });
        return last;
    };
}

/// Lines of the log for packets of the guest to a port of the host.
std::size_t count_from_guest(Rig& rig, std::size_t first, Op op, std::uint32_t host_port) {
    std::size_t count = 0;
    for (const LogLine& line : rig.log(first))
        if (line.header && line.direction == Direction::from_guest && line.header->op == op &&
            line.ports().host == host_port)
            ++count;
    return count;
}

bool happened(Rig& rig, std::size_t first, std::string_view what) {
    for (const LogLine& line : rig.log(first))
        if (line.note.find(what) != std::string::npos) return true;
    return false;
}

void wait_happened(Rig& rig, std::size_t first, std::string_view what) {
    test::wait_until([&] { return happened(rig, first, what); },
                     [&] { return "the log has no '" + std::string(what) + "'"; },
                     uml::recovery_deadline);
}

std::uint64_t epoch(Rig& rig) {
    return test::number_at(test::status(rig.endpoint()), "/epoch");
}

} // namespace

TEST_CASE("a transport reset in the middle of a frame loses and repeats nothing", "[uml]") {
    Rig& rig = Rig::shared();
    const auto before = epoch(rig);
    unsigned resets = 0;
    for (const unsigned packets : {1U, 2U, 7U, 40U}) {
        for (const Verdict last : {Verdict::deliver, Verdict::swallow}) {
            INFO("after " << packets << " packets");
            const std::size_t mark = rig.log_size();
            rig.set_script(restore_in_frame(packets, last));
            wait_happened(rig, mark, "TRANSPORT_RESET");
            ++resets;
            uml::check_recovered(rig);
            CHECK(uml::dialled_since(rig, mark, uml::output_port));
        }
    }
    CHECK(epoch(rig) >= before + resets);
}

TEST_CASE("RST on the output connections loses and repeats nothing", "[uml]") {
    Rig& rig = Rig::shared();
    const auto before = epoch(rig);
    for (int turn = 0; turn < 3; ++turn) {
        const std::size_t mark = rig.log_size();
        rig.vmm([](Vmm& vmm) { vmm.abort_connections(uml::output_port); });
        uml::check_recovered(rig);
        CHECK(count_from_guest(rig, mark, Op::request, uml::output_port) >= 2);
    }
    // The link stood all the time: nothing was restored.
    CHECK(epoch(rig) == before);
}

TEST_CASE("a host that is mute for a while gets every byte afterwards", "[uml]") {
    Rig& rig = Rig::shared();
    const std::size_t mark = rig.log_size();
    rig.vmm([](Vmm& vmm) { vmm.mute_for(1500ms); });
    wait_happened(rig, mark, "no longer mute");
    uml::check_recovered(rig);
}

TEST_CASE("a host that withholds credit stops the output and nothing else", "[uml]") {
    Rig& rig = Rig::shared();
    const std::size_t mark = rig.log_size();
    rig.vmm([](Vmm& vmm) {
        vmm.drain(uml::output_port, Drain::withheld());
        vmm.after(1500ms, [&vmm] { vmm.drain(uml::output_port, Drain::at_once()); });
    });
    uml::check_exec(rig);
    wait_happened(rig, mark, "is read anew");
    uml::check_recovered(rig);
    // Neither side broke the rules of credit: the VMM would have said so by RST.
    for (const LogLine& line : rig.log(mark))
        CHECK(!(line.header && line.direction == Direction::to_guest &&
                line.header->op == Op::rst && line.ports().host == uml::output_port));
}

TEST_CASE("a host that drains slowly gets every byte", "[uml]") {
    Rig& rig = Rig::shared();
    const std::size_t mark = rig.log_size();
    rig.vmm([](Vmm& vmm) {
        vmm.drain(uml::output_port, Drain::slow(4096, 30ms));
        vmm.after(2000ms, [&vmm] { vmm.drain(uml::output_port, Drain::at_once()); });
    });
    uml::check_exec(rig);
    wait_happened(rig, mark + 1, "is read anew");
    uml::check_recovered(rig);
}

TEST_CASE("a guest with a new CID is reached at once", "[uml]") {
    Rig& rig = Rig::shared();
    const auto cid = rig.vmm([](Vmm& vmm) { return vmm.cid(); });
    const std::size_t mark = rig.log_size();
    rig.vmm([&](Vmm& vmm) { vmm.restore(cid + 1); });
    uml::check_recovered(rig);
    bool dialled = false;
    for (const LogLine& line : rig.log(mark))
        if (line.header && line.header->op == Op::request &&
            line.direction == Direction::from_guest)
            dialled = dialled || line.header->source_cid == cid + 1;
    CHECK(dialled);
}

TEST_CASE("answers that come late do no harm", "[uml]") {
    Rig& rig = Rig::shared();
    const std::size_t mark = rig.log_size();
    rig.set_script([](Vmm& vmm, Direction direction, const Packet& packet) {
        if (direction == Direction::from_guest || !packet.is(Op::response)) return Verdict::deliver;
        vmm.after(300ms, [&vmm] { vmm.release_held(); });
        return Verdict::hold;
    });
    rig.vmm([](Vmm& vmm) { vmm.restore(); });
    wait_happened(rig, mark, "released");
    uml::check_recovered(rig);
}

namespace {

/// A connection to the guest that stays, and its ports.
struct KeptAlive {
    explicit KeptAlive(Rig& rig) : connection(rig.endpoint().connect()) {
        REQUIRE(connection.send(
            test::request_text("GET", "/v1/status", {}, "Connection: keep-alive\r\n")));
        REQUIRE(read_answer(connection).status == 200);
        for (const LogLine& line : rig.log())
            if (line.header && line.header->op == Op::request &&
                line.direction == Direction::to_guest && line.ports().guest == exec_port)
                ports = line.ports();
        REQUIRE(ports.host != 0);
    }

    test::Connection connection;
    uml::Ports ports;
};

/// A new REQUEST for the same ports reaches the guest the moment that it has handled the reset:
/// before the agent, perhaps, has closed what is dead. How many times the guest refused it.
std::size_t reuse_at_once(Rig& rig, KeptAlive old) {
    rig.vmm([&](Vmm& vmm) {
        vmm.set_mute(true);
        vmm.forget_connections();
        vmm.set_next_port(old.ports.host);
    });
    CHECK(old.connection.ends_within(test::patience));
    const std::size_t mark = rig.log_size();
    test::Command caller({lab::build_product("tools/rousectl").string(), "-H",
                          rig.endpoint().target(), "exec", "--", "/bin/rouse-payload", "exit",
                          "3"});
    test::wait_until([&] { return rig.vmm([](Vmm& vmm) { return vmm.connections() > 0; }); },
                     [] { return std::string("nobody connected"); }, test::patience);
    rig.vmm([](Vmm& vmm) {
        vmm.gated_reset();
        vmm.set_mute(false);
    });
    CHECK(caller.finish(uml::recovery_deadline).status == 3);
    std::size_t refused = 0;
    for (const LogLine& line : rig.log(mark))
        if (line.header && line.header->op == Op::rst && line.direction == Direction::from_guest &&
            line.ports() == old.ports)
            ++refused;
    return refused;
}

} // namespace

TEST_CASE("a port pair that the guest still holds is refused, and free soon", "[uml]") {
    Rig& rig = Rig::shared();
    std::size_t refused = 0;
    // The agent may be faster; then it was no stale pair.
    for (int turn = 0; turn < 10 && refused == 0; ++turn) {
        refused = reuse_at_once(rig, KeptAlive(rig));
        uml::check_recovered(rig);
    }
    CHECK(refused > 0);
}
