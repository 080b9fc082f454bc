#pragma once
// Documents of a restore: what the host gives, and what the agent says it did.

#include "proto/fields.hpp"

namespace rouse::proto {

/// What the host tells a VM about its new life. Every member may be missing.
struct RestoreDocument {
    std::optional<std::string> generation; ///< UUID of this incarnation
    std::optional<std::uint64_t> now_ns;   ///< wall clock, nanoseconds since 1970 UTC
    std::string entropy;                   ///< random bytes that seed the kernel's generator

    friend bool operator==(const RestoreDocument&, const RestoreDocument&) = default;
};

boost::json::object to_json(const RestoreDocument& document);
/// `where` is the JSON path of the document. Members of other documents may stand beside its own.
void read_restore_document(Fields& fields, RestoreDocument& document);
/// Body of `POST /v1/restore`. Unknown keys are errors.
Parsed<RestoreDocument> parse_restore_document(std::string_view body);

/// One step of the chain.
struct RestoreStep {
    std::string name;    ///< "fence", "rebind", "confirm", "entropy", "clock", "output", …
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

boost::json::value to_json(const RestoreReport& report);
Parsed<RestoreReport> parse_restore_report(const boost::json::value& value);

} // namespace rouse::proto
