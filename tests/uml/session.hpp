#pragma once
// A whole session of a guest (link, handshake, probes, output, exec), and one fault at a chosen
// packet of it.

#include "tests/uml/packet_names.hpp"
#include "tests/uml/rig.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace rouse::uml {

/// From a fault to the right state. The longest waits in between are 0.5 s for the answer to a
/// hello on a connection that the host has forgotten without a word, and 2 s of the VMM for the
/// guest's answer to a REQUEST that came too early.
inline constexpr std::chrono::milliseconds session_deadline{4000};

/// What happens before a packet is looked at.
enum class Fault {
    restore,     ///< the VMM restores once more, without a new generation, as its profile says
    new_cid,     ///< the same, and the guest gets another CID
    event_alone, ///< TRANSPORT_RESET; the host's side keeps its connections
    refuse,      ///< RST for the packet's connection
};

struct Plan {
    Fault fault = Fault::restore;
    std::string before = {}; ///< the packet's name; empty: nothing happens
};

/// What came of a session whose guest is in the right state.
struct SessionOutcome {
    bool met = false;                     ///< there was such a packet
    std::vector<std::string> names;       ///< of the packets, each once, in their order
    std::chrono::milliseconds recovery{}; ///< from the fault to the right state
};

/// What the script of a session has seen, and its fault. Touched by the VMM's thread alone while
/// the script is set.
class SessionWatch {
public:
    explicit SessionWatch(Plan plan) : plan_(std::move(plan)) {}

    /// A script that calls look() of this watch.
    [[nodiscard]] static Script script(std::shared_ptr<SessionWatch> watch);

    [[nodiscard]] const Plan& plan() const { return plan_; }
    [[nodiscard]] bool met() const { return met_; }
    [[nodiscard]] const std::vector<std::string>& seen() const { return seen_; }
    /// How long ago the fault was.
    [[nodiscard]] std::chrono::milliseconds since_fault() const;

private:
    Verdict look(Vmm& vmm, Direction direction, const Packet& packet);
    Verdict strike(Vmm& vmm) const;

    Plan plan_;
    PacketNames names_;
    std::vector<std::string> seen_;
    bool met_ = false;
    std::chrono::steady_clock::time_point struck_;
};

/// The options of a rig for sessions: little output, so that a session has few packets, and a
/// collector that hands out restore documents.
[[nodiscard]] RigOptions session_options(const Profile& profile);

/// The sessions of one guest, one after the other.
class Sessions {
public:
    explicit Sessions(Rig& rig) : rig_(rig) {}

    /// The VMM restores, and the host says which generation this is now; then as finish().
    SessionOutcome run(const Plan& plan);

    /// Takes a session of `generation` that has begun to its end: a command runs as soon as the
    /// output has come. Returns once the guest is in the right state, and throws or fails the test
    /// when it is not there in time: the link is confirmed, exec proven, no connection is older
    /// than the newest epoch, the output of this generation and of the one before has arrived
    /// exactly once, and the first `rousectl exec` has run its command. Prints what crossed the
    /// device when that took longer than `session_deadline`.
    SessionOutcome finish(const std::string& generation,
                          const std::shared_ptr<SessionWatch>& watch);

    /// Checks that every command of all sessions has run exactly once.
    void check_commands();

private:
    void await_output();
    void check_exec();
    void await_last_packets(const SessionWatch& watch);
    void wait_right_state();

    Rig& rig_;
    std::string generation_;
    std::string parent_;
    unsigned commands_ = 0;
};

} // namespace rouse::uml
