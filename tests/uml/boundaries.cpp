// A fault before each packet of a whole session, one a session, under every VMM: the guest is in
// the right state within the deadline.
#include "tests/uml/session.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <set>

using namespace rouse;
using std::chrono::milliseconds;
using uml::Fault;
using uml::Profile;
using uml::Rig;
using uml::SessionOutcome;
using uml::Sessions;

namespace {

/// Whether ROUSE_PACKET, which asks for one packet alone, asks for this one.
bool is_wanted(const std::string& packet) {
    const char* const only = std::getenv("ROUSE_PACKET");
    return only == nullptr || packet == only;
}

/// The names of the packets that are in most sessions, if nothing happens to them.
std::vector<std::string> usual_packets(Sessions& sessions) {
    constexpr int looks = 3;
    std::vector<std::string> names; // in their order
    std::map<std::string, int> seen;
    for (int look = 0; look < looks; ++look)
        for (const std::string& name : sessions.run({}).names)
            if (++seen[name] == 2) names.push_back(name);
    return names;
}

/// How the faults of one run were borne.
class Tally {
public:
    explicit Tally(std::string what) : what_(std::move(what)) {}

    void note(const std::string& packet, const SessionOutcome& outcome) {
        ++met_;
        kinds_.insert(kind_of(packet));
        if (outcome.recovery <= longest_) return;
        longest_ = outcome.recovery;
        slowest_ = packet;
    }
    void miss(const std::string& packet) { missed_.push_back(packet); }

    enum class Struck { all, some };

    /// Prints the figures, and checks that few packets were missed, and none that matters where all
    /// were struck before.
    void close(Struck struck) const {
        std::cout << fmt::format("{}: {} of {} packet boundaries met, right again within {} ms "
                                 "(before {})\n",
                                 what_, met_, met_ + missed_.size(), longest_.count(), slowest_);
        for (const std::string& packet : missed_)
            std::cout << "  not met: " << packet << "\n";
        if (std::getenv("ROUSE_PACKET") != nullptr) return; // one alone
        if (struck == Struck::all) check_kinds();
        CHECK(missed_.size() * 3 < met_);
    }

private:
    /// What every session has in any case, on whichever of its connections.
    void check_kinds() const {
        for (const std::string_view connection : {"link", "output"})
            for (const std::string_view packet :
                 {"guest>host REQUEST 1", "host>guest RESPONSE 1", "guest>host RW 1",
                  "host>guest RW 1", "guest>host RW 2"})
                CHECK(kinds_.contains(fmt::format("{} {}", connection, packet)));
        for (const std::string_view packet : {"host>guest REQUEST 1", "guest>host RESPONSE 1",
                                              "host>guest RW 1", "guest>host RW 1"})
            CHECK(kinds_.contains(fmt::format("call {}", packet)));
    }

    /// The name without the number of its connection.
    static std::string kind_of(const std::string& packet) {
        if (packet.starts_with("link")) return packet; // has none
        const std::size_t number = packet.find(' ');
        return packet.substr(0, number) + packet.substr(packet.find(' ', number + 1));
    }

    std::string what_;
    std::size_t met_ = 0;
    std::set<std::string> kinds_; ///< of packets that were met
    std::vector<std::string> missed_;
    milliseconds longest_{};
    std::string slowest_ = "none";
};

/// Where the host's side keeps its connections, a command that happens to run finds out by its
/// client's PING: after 5 s of silence, looked for each second.
milliseconds deadline_of(Fault fault) {
    constexpr milliseconds ping(6000);
    return fault == Fault::event_alone ? ping + uml::session_deadline : uml::session_deadline;
}

/// A packet that does not come in one session, since others came before it, may come in the next.
void meet(Sessions& sessions, const uml::Plan& plan, Tally& tally) {
    INFO("before " << plan.before);
    constexpr int tries = 2;
    for (int turn = 0; turn < tries; ++turn) {
        const SessionOutcome outcome = sessions.run(plan);
        CHECK(outcome.recovery <= deadline_of(plan.fault));
        if (outcome.met) return tally.note(plan.before, outcome);
    }
    tally.miss(plan.before);
}

/// Which packets of a session.
using Choice = bool (*)(const std::string& packet);

bool any(const std::string&) {
    return true;
}

void meet_each(const Profile& profile, Fault fault, Choice chosen = any) {
    Rig rig(uml::session_options(profile));
    rig.wait_ready();
    Sessions sessions(rig);
    Tally tally(std::string(profile.name));
    for (const std::string& packet : usual_packets(sessions))
        if (is_wanted(packet) && chosen(packet))
            meet(sessions, {.fault = fault, .before = packet}, tally);
    sessions.check_commands();
    tally.close(Tally::Struck::all);
}

/// A command's packets are not: its client learns only by its own PING that the guest is gone.
bool is_handshake(const std::string& packet) {
    return !packet.starts_with("call 4");
}

/// One session from power-on, with the fault in it.
SessionOutcome boot(const Profile& profile, const uml::Plan& plan) {
    const auto watch = std::make_shared<uml::SessionWatch>(plan);
    uml::RigOptions options = uml::session_options(profile);
    options.script = uml::SessionWatch::script(watch);
    Rig rig(options);
    return Sessions(rig).finish(options.generation, watch);
}

/// Each profile in turn, or the one that ROUSE_PROFILE names.
const Profile& profile_of(std::size_t turn) {
    if (const char* const only = std::getenv("ROUSE_PROFILE"))
        for (const Profile& profile : uml::profiles)
            if (profile.name == only) return profile;
    return uml::profiles.at(turn % uml::profiles.size());
}

/// The packets of a boot up to the first command.
std::vector<std::string> boot_packets() {
    std::vector<std::string> names = boot(uml::qemu, {}).names;
    names.erase(std::find_if_not(names.begin(), names.end(), is_handshake), names.end());
    return names;
}

} // namespace

TEST_CASE("a restore at any packet of a session is healed, as Firecracker does it",
          "[boundaries]") {
    meet_each(uml::firecracker, Fault::restore);
}

TEST_CASE("a restore at any packet of a session is healed, as older Firecracker does it",
          "[boundaries]") {
    meet_each(uml::firecracker_older, Fault::restore);
}

TEST_CASE("a restore with another CID at any packet of a session is healed, as QEMU does it",
          "[boundaries]") {
    meet_each(uml::qemu, Fault::new_cid);
}

TEST_CASE("a restore at any packet of a session is healed, as Cloud Hypervisor does it",
          "[boundaries]") {
    meet_each(uml::cloud_hypervisor, Fault::restore);
}

TEST_CASE("a restore at any packet of a session is healed, as older Cloud Hypervisor does it",
          "[boundaries]") {
    meet_each(uml::cloud_hypervisor_older, Fault::restore);
}

TEST_CASE("a reset without a restore at any packet of a handshake is healed", "[boundaries]") {
    meet_each(uml::qemu, Fault::event_alone, is_handshake);
}

TEST_CASE("RST at any packet of a session is healed", "[boundaries]") {
    meet_each(uml::firecracker, Fault::refuse);
}

TEST_CASE("a restore at any packet of the handshake of a boot is healed", "[boundaries]") {
    Tally tally("boot, each profile in turn");
    std::size_t turn = 0;
    // A boot takes its time: without ROUSE_BOUNDARIES=all only each fourth packet has one.
    const char* const wanted = std::getenv("ROUSE_BOUNDARIES");
    const bool all = wanted != nullptr && std::string_view(wanted) == "all";
    const std::vector<std::string> packets = boot_packets();
    for (std::size_t index = 0; index < packets.size(); index += all ? 1 : 4) {
        const std::string& packet = packets[index];
        if (!is_wanted(packet)) continue;
        const Profile& profile = profile_of(turn++);
        INFO(profile.name << ", before " << packet);
        const SessionOutcome outcome = boot(profile, {.fault = Fault::restore, .before = packet});
        CHECK(outcome.recovery <= uml::session_deadline);
        outcome.met ? tally.note(packet, outcome) : tally.miss(packet);
    }
    tally.close(all ? Tally::Struck::all : Tally::Struck::some);
}
