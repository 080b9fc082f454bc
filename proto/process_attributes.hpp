#pragma once
// What a command may ask for beyond user and directory: limits, capabilities, and the like. Every
// member left out means the guest's default.

#include "proto/fields.hpp"

namespace rouse::proto {

/// Of one RLIMIT_; both are counted in the resource's own unit. Source: getrlimit(2).
struct ResourceLimit {
    static constexpr std::uint64_t unlimited = UINT64_MAX;

    std::uint64_t soft = unlimited;
    std::uint64_t hard = unlimited;

    friend bool operator==(const ResourceLimit&, const ResourceLimit&) = default;
};

/// What the control group of the command may use. Source: the kernel's cgroup-v2.rst.
struct CgroupLimits {
    std::optional<std::uint64_t> memory_max;      ///< bytes
    std::optional<std::uint64_t> memory_high;     ///< bytes
    std::optional<std::uint64_t> memory_swap_max; ///< bytes
    std::optional<std::uint64_t> pids_max;
    std::optional<std::uint64_t> cpu_max_us;    ///< of each period
    std::optional<std::uint64_t> cpu_period_us; ///< none: 100 000
    std::optional<std::uint64_t> cpu_weight;    ///< 1 to 10 000; 100 is usual
    std::optional<std::uint64_t> io_weight;     ///< 1 to 10 000; 100 is usual

    friend bool operator==(const CgroupLimits&, const CgroupLimits&) = default;
};

/// Names are upper-case without "CAP_"; "ALL" stands for every capability.
struct CapabilityChange {
    std::vector<std::string> drop; ///< taken away first, from the bounding set, too
    std::vector<std::string> add;  ///< given back; another user than root gets these and no others

    friend bool operator==(const CapabilityChange&, const CapabilityChange&) = default;
};

struct ProcessAttributes {
    std::vector<std::string> groups; ///< names or numbers, added to the user's supplementary groups
    std::map<std::string, ResourceLimit> rlimits; ///< by resource_names(), kernel_names.hpp
    CgroupLimits cgroup;
    CapabilityChange capabilities;
    bool no_new_privs = false;
    std::optional<std::uint32_t> umask; ///< none: that of the agent, 022 in a VM
    std::int64_t oom_score_adj = 0;     ///< -1000 to 1000

    friend bool operator==(const ProcessAttributes&, const ProcessAttributes&) = default;
};

/// Reads the limits of a control group, which the member `key` holds.
void read_cgroup_limits(Fields& fields, std::string_view key, CgroupLimits& cgroup);
/// Reads the members of ProcessAttributes out of an object that may have more.
void read_process_attributes(Fields& fields, ProcessAttributes& attributes);
/// Adds what differs from the default.
void add_to_json(boost::json::object& object, const ProcessAttributes& attributes);

} // namespace rouse::proto
