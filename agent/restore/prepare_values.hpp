#pragma once
// What goes into the state machine of a preparation for a snapshot and what comes out of it: plain
// values.

#include "proto/snapshot.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <cstdint>
#include <variant>

namespace rouse::restore {

/// What is done, in this order, and what undoes it, in the order of the undoing.
enum class PrepareStep {
    spawns,      ///< processes that are being started have started; new ones are refused
    hook,        ///< the hook `prepare`
    freeze,      ///< the workload and all sessions stand still
    flush,       ///< the host has acknowledged what the workload had written
    connections, ///< connections that wait for a request are closed
    sync,
    freeze_filesystems,
    console, ///< what was written to the console has left it
    thaw_filesystems,
    thaw,
    resume_hook,
};

/// "hook prepare", "freeze", …, as it stands in a report.
std::string_view name(PrepareStep step);

/// Why a preparation is undone; the hook `resume` gets it as ROUSE_KIND.
enum class Undo {
    resume,   ///< the host said so
    lease,    ///< nobody said anything
    failed,   ///< a step failed
    restore,  ///< by the restore chain, in which nothing forks: no hook is run
    shutdown, ///< the agent ends; no hook is run
};

std::string_view name(Undo why);

/// Everything that the machine of a preparation hears.
namespace prepare_event {

/// `POST /v1/snapshot/prepare`. `ticket` names the request that waits for the answer.
struct Asked {
    proto::PrepareRequest request;
    std::string lease; ///< a UUID nobody has seen; used if this begins a preparation
    std::uint64_t ticket = 0;
};

/// What was done is to be undone. `lease` is empty unless one is named. `only_filesystems`: the
/// payload stays frozen until the next Undone.
struct UndoAsked {
    Undo why = Undo::resume;
    std::string lease;
    bool only_filesystems = false;
    std::uint64_t ticket = 0;
};

/// The answer to a Do with this `run`, to each exactly one.
struct StepDone {
    std::uint64_t run = 0;
    std::string outcome = "ok"; ///< "ok", "skipped", "failed", "unproven"
    std::string detail;
    std::uint64_t unflushed_bytes = 0; ///< of PrepareStep::flush
};

struct LeaseDue {
    std::uint64_t timer = 0;
};

/// A restore chain runs, or has failed: the lease undoes nothing as long as that is so.
struct LeaseHeld {
    bool held = false;
};

} // namespace prepare_event

using PrepareEvent =
    std::variant<prepare_event::Asked, prepare_event::UndoAsked, prepare_event::StepDone,
                 prepare_event::LeaseDue, prepare_event::LeaseHeld>;

/// Everything that it asks its hands to do, in this order.
namespace prepare_action {

/// Answered by StepDone, at the latest when `budget` has passed.
struct Do {
    PrepareStep step = PrepareStep::spawns;
    std::uint64_t run = 0;
    std::chrono::milliseconds budget{};
    std::string kind; ///< of a hook: "prepare", or the name of an Undo
};
/// The step at work is to end soon; it is still answered.
struct Cancel {};
/// Close what waits for a request, and remember which connections are open.
struct Mark {};
/// A restore need not close them any more.
struct Unmark {};
/// Answered by LeaseDue with the same number; a later one replaces it.
struct ArmLease {
    std::uint64_t timer = 0;
    std::chrono::milliseconds after{};
};
struct DisarmLease {};
/// The hands add which connections are open.
struct Answer {
    std::uint64_t ticket = 0;
    proto::Prepared prepared;
};
struct AnswerUndo {
    std::uint64_t ticket = 0;
    proto::Resumed resumed;
};
/// For the guest's own record.
struct Record {
    std::string type; ///< "prepared", "prepare_failed", "resumed", "lease_expired"
    boost::json::object body;
};

} // namespace prepare_action

using PrepareAction =
    std::variant<prepare_action::Do, prepare_action::Cancel, prepare_action::Mark,
                 prepare_action::Unmark, prepare_action::ArmLease, prepare_action::DisarmLease,
                 prepare_action::Answer, prepare_action::AnswerUndo, prepare_action::Record>;

using PrepareActions = std::vector<PrepareAction>;

} // namespace rouse::restore
