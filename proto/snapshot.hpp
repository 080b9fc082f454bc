#pragma once
// Documents of a snapshot: what a guest does before it is taken, and how that is undone.

#include "proto/limits.hpp"
#include "proto/restore.hpp"

namespace rouse::proto {

/// Body of `POST /v1/snapshot/prepare`. Every member may be missing.
struct PrepareRequest {
    bool freeze = true; ///< the workload and all sessions stand still
    bool sync = true;   ///< everything written is on its disk
    /// Mount points whose file systems take no writes; frozen in this order.
    std::vector<std::string> freeze_filesystems;
    std::chrono::milliseconds flush = limits::prepare_flush; ///< wait for the host to have output
    std::chrono::milliseconds lease = limits::lease;         ///< undone by itself after this long
    std::chrono::milliseconds deadline = limits::prepare;    ///< for all of it

    friend bool operator==(const PrepareRequest&, const PrepareRequest&) = default;
};

boost::json::object to_json(const PrepareRequest& request);
/// An empty body asks for the defaults. Unknown keys are errors.
Parsed<PrepareRequest> parse_prepare_request(std::string_view body);

/// A connection that a snapshot taken now would cut; a restored guest closes it.
struct OpenConnection {
    std::uint64_t id = 0; ///< ids only grow
    std::string role;     ///< "http", "stream", "link", "output stdout", …
    std::string peer;     ///< for people
    std::uint64_t epoch = 0;

    friend bool operator==(const OpenConnection&, const OpenConnection&) = default;
};

boost::json::value to_json(const OpenConnection& connection);

/// Answer of prepare.
struct Prepared {
    std::string state; ///< "prepared"; "failed": all that was done is undone, or being undone
    std::string lease; ///< UUID; empty when it failed
    std::uint64_t lease_ms = 0;
    bool frozen = false; ///< workload and sessions
    std::vector<OpenConnection> open;
    std::uint64_t unflushed_bytes = 0; ///< of the workload's output, which stay in the guest
    std::vector<RestoreStep> steps;
    std::uint64_t total_us = 0;

    friend bool operator==(const Prepared&, const Prepared&) = default;
};

boost::json::value to_json(const Prepared& prepared);
Parsed<Prepared> parse_prepared(std::string_view body);

/// Body of `POST /v1/snapshot/resume`.
struct ResumeRequest {
    std::string lease; ///< of the preparation that is meant; empty: whichever there is

    friend bool operator==(const ResumeRequest&, const ResumeRequest&) = default;
};

boost::json::object to_json(const ResumeRequest& request);
/// An empty body names no lease. Unknown keys are errors.
Parsed<ResumeRequest> parse_resume_request(std::string_view body);

/// Answer of resume.
struct Resumed {
    /// "resumed"; "not_prepared": there was nothing to undo, or another lease holds; "expired": the
    /// lease had run out, and had undone it.
    std::string state;
    std::vector<RestoreStep> steps;

    friend bool operator==(const Resumed&, const Resumed&) = default;
};

boost::json::value to_json(const Resumed& resumed);
Parsed<Resumed> parse_resumed(std::string_view body);

} // namespace rouse::proto
