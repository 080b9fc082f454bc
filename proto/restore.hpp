#pragma once
// Documents of a restore: what the host gives, and what the agent says it did.

#include "proto/fields.hpp"
#include "proto/network.hpp"

#include <chrono>

namespace rouse::proto {

/// When something was received, on the monotonic clock; not part of anything's value.
struct Received {
    std::optional<std::chrono::steady_clock::time_point> at;

    friend bool operator==(const Received&, const Received&) { return true; }
};

/// What the host tells a VM about its new life. Every member may be missing.
struct RestoreDocument {
    std::optional<std::string> generation = {}; ///< UUID of this incarnation
    std::optional<std::uint64_t> now_ns = {};   ///< wall clock, nanoseconds since 1970 UTC
    std::string entropy = {};                   ///< random bytes that seed the kernel's generator
    std::optional<std::string> hostname = {};
    std::optional<std::string> machine_id = {}; ///< 32 lower-case hexadecimal digits, not all 0
    std::vector<NetworkInterface> network = {};
    std::optional<Dns> dns = {};
    /// TCP connections from before end with an error, but for those over the loopback.
    bool close_tcp = false;
    std::optional<std::uint64_t> signal = {}; ///< for processes of the workload that handle it
    /// A configuration, JSON text of an object, for a guest that waits for one; empty: none.
    std::string config = {};
    Received received{}; ///< not on the wire: the moment that now_ns speaks of

    friend bool operator==(const RestoreDocument&, const RestoreDocument&) = default;
};

boost::json::object to_json(const RestoreDocument& document);
/// Whether it names a machine. Source: machine-id(5).
bool is_machine_id(std::string_view text);

/// What the document's wall clock says at `now`, when it has been here for a while: seeding alone
/// may take tens of milliseconds in a machine whose memory is still being loaded. 0 without one.
[[nodiscard]] std::uint64_t wall_clock_at(const RestoreDocument& document,
                                          std::chrono::steady_clock::time_point now);

/// `where` is the JSON path of the document. Members of other documents may stand beside its own.
void read_restore_document(Fields& fields, RestoreDocument& document);
/// Body of `POST /v1/restore`. Unknown keys are errors.
Parsed<RestoreDocument> parse_restore_document(std::string_view body);

/// One step of the chain.
struct RestoreStep {
    std::string name; ///< "fence", "rebind", "confirm", "entropy", "clock", "network", "output", …
    std::string outcome; ///< "ok", "skipped", "failed", "unproven"
    std::uint64_t duration_us = 0;
    std::string detail;

    friend bool operator==(const RestoreStep&, const RestoreStep&) = default;
};

/// What one run of the chain did.
struct RestoreReport {
    std::uint64_t epoch = 0;
    std::string kind;    ///< "boot", "transport_loss", "restore"
    std::string trigger; ///< "boot", "host", "canary"
    std::string exec;    ///< "proven" by the host's probe, "local", "unproven"
    /// "running"; "complete", confirmed by the host; "degraded", done without the host, whose
    /// answer may come later; "failed", execs are refused until another try succeeds.
    std::string state;
    std::string generation;
    std::optional<std::string> parent_generation;
    std::vector<RestoreStep> steps;
    std::uint64_t total_us = 0;

    friend bool operator==(const RestoreReport&, const RestoreReport&) = default;
};

boost::json::value to_json(const RestoreStep& step);
/// The member "steps": an array of them.
std::vector<RestoreStep> read_steps(Fields& fields, Problems& problems);

boost::json::value to_json(const RestoreReport& report);
Parsed<RestoreReport> parse_restore_report(const boost::json::value& value);

} // namespace rouse::proto
