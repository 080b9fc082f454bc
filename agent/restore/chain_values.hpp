#pragma once
// What goes into the restore chain's state machine and what comes out of it: plain values.

#include "agent/restore/trigger_signal.hpp"
#include "proto/restore.hpp"

#include <chrono>
#include <cstddef>
#include <variant>

namespace rouse::restore {

using TimePoint = std::chrono::steady_clock::time_point;

/// What a timer of the chain is for.
enum class Deadline {
    rebind,  ///< the listener has not said how its rebind went
    confirm, ///< nobody has answered the hello and probed the exec port
    redial,  ///< the back-off between two dials is over
    verify,  ///< the link has not answered our PING
};

/// Everything that the chain hears. Events that name an epoch, a link or a timer which is no longer
/// the current one change nothing.
namespace event {

struct Boot {};

/// An established link ended, in whatever way.
struct CanaryLost {
    std::uint64_t link = 0;
    std::string why;
};

/// The host says who we are: `POST /v1/restore`, or what it wrote where a trigger reads.
struct HostWord {
    proto::RestoreDocument document;
    std::uint64_t connection = 0; ///< that carried it; 0: none of ours
    std::uint64_t ticket = 0;     ///< names the request that waits for the answer; 0: nobody does
    std::string source = "host";  ///< "host", "mmds", or "link" for a late HELLO_ACK

    friend bool operator==(const HostWord&, const HostWord&) = default;
};

struct FenceDone {
    std::uint64_t epoch = 0;
    std::size_t closed = 0; ///< connections
};

struct RebindDone {
    std::uint64_t epoch = 0;
    bool failed = false;
    std::string detail; ///< "kept", "recreated", or what went wrong
};

/// The link is connected. Its hello will carry `nonce`, which no other hello carries.
struct LinkUp {
    std::uint64_t link = 0;
    std::string nonce;
};

struct LinkFailed {
    std::uint64_t link = 0;
    std::string why;
};

/// `GET /v1/ready?nonce=…` was asked over a connection from the host.
struct Probed {
    std::string nonce;
};

struct HelloAck {
    std::uint64_t link = 0;
    std::string nonce;
    proto::RestoreDocument document;
};

/// What became of the repair steps. `failed`: one that must not fail did.
struct Applied {
    std::uint64_t epoch = 0;
    std::vector<proto::RestoreStep> steps;
    bool failed = false;
    std::string generation = {}; ///< made locally, where that was asked for
};

/// A source of triggers has noticed something.
struct Noticed {
    Signal signal;
};

/// The host has answered our PING.
struct LinkVerified {
    std::uint64_t link = 0;
};

/// A snapshot was prepared (the payload may be frozen), or it no longer is.
struct PrepareChanged {
    bool prepared = false;
};

/// The payload runs again; the steps say how that went.
struct Thawed {
    std::uint64_t epoch = 0;
    std::vector<proto::RestoreStep> steps;
};

struct Timeout {
    Deadline deadline = Deadline::confirm;
    std::uint64_t timer = 0;
};

/// Something wants the host: a link that was given up is dialled again.
struct Wanted {};

} // namespace event

using Event =
    std::variant<event::Boot, event::CanaryLost, event::HostWord, event::FenceDone,
                 event::RebindDone, event::LinkUp, event::LinkFailed, event::Probed,
                 event::HelloAck, event::Applied, event::Timeout, event::Wanted, event::Noticed,
                 event::LinkVerified, event::PrepareChanged, event::Thawed>;

/// Everything that the chain asks its hands to do, in this order.
namespace action {

/// A new epoch: new link key; connections made from here on belong to it.
struct BeginEpoch {
    std::uint64_t epoch = 0;
};
struct CloseGate {};
struct DisconnectOutput {};
struct CloseLink {};
/// Close the connections of older epochs, except `keep` and those that name `generation`; answered
/// by FenceDone.
struct Fence {
    std::uint64_t keep = 0;
    std::string generation = {};
};
/// Answered by RebindDone.
struct Rebind {};
/// Answered by LinkUp or LinkFailed.
struct DialLink {
    std::uint64_t link = 0;
};
struct SendHello {
    std::string nonce;
};
/// Repair what the document repairs; answered by Applied.
struct Apply {
    proto::RestoreDocument document;
    bool make_generation = false; ///< reseed the generator, then make a generation locally
};
/// Let the payload run again; answered by Thawed.
struct Thaw {};
/// Ask the host on the link whether it is there; answered by LinkVerified.
struct VerifyLink {
    std::uint64_t link = 0;
};
struct OpenGate {};
struct SendConfirm {
    proto::RestoreReport report;
};
struct ConnectOutput {};
struct Announce {
    proto::RestoreReport report;
};
struct AnswerHostWord {
    std::uint64_t ticket = 0;
    proto::RestoreReport report;
};
/// Answered by Timeout with the same number. A later one for the same purpose replaces it.
struct ArmDeadline {
    Deadline deadline = Deadline::confirm;
    std::uint64_t timer = 0;
    std::chrono::milliseconds after{};
};
/// Like ArmDeadline, for Deadline::redial.
struct RedialLater {
    std::uint64_t timer = 0;
    std::chrono::milliseconds after{};
};
/// Something that a person should hear about.
struct Note {
    std::string text;
};

} // namespace action

using Action =
    std::variant<action::BeginEpoch, action::CloseGate, action::DisconnectOutput, action::CloseLink,
                 action::Fence, action::Rebind, action::DialLink, action::SendHello, action::Apply,
                 action::OpenGate, action::SendConfirm, action::ConnectOutput, action::Announce,
                 action::AnswerHostWord, action::ArmDeadline, action::RedialLater, action::Note,
                 action::Thaw, action::VerifyLink>;

using Actions = std::vector<Action>;

} // namespace rouse::restore
