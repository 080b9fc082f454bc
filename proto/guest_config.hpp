#pragma once
// What the configuration says about the guest itself: its kernel's settings, its names and
// addresses, and what becomes of hardware that is plugged in.

#include "proto/network.hpp"

#include <map>
#include <string>
#include <vector>

namespace rouse::proto {

/// A line of /etc/hosts.
struct HostsEntry {
    IpAddress address;
    std::vector<std::string> names; ///< the first one is the one that an address is resolved to

    friend bool operator==(const HostsEntry&, const HostsEntry&) = default;
};

/// Whether CPUs and memory that are there or come later may be used at once.
struct HotplugConfig {
    bool cpus = true;
    bool memory = true;
    bool movable = false; ///< nothing that cannot move is put there, so that it can be taken away

    friend bool operator==(const HotplugConfig&, const HotplugConfig&) = default;
};

struct GuestConfig {
    /// By name as sysctl(8) has it: "net.ipv4.ip_forward", "net/ipv4/conf/eth0.1/rp_filter".
    std::map<std::string, std::string> sysctls;
    /// What /etc/hosts has besides this machine itself; nothing: a file that is there stays.
    std::optional<std::vector<HostsEntry>> hosts;
    std::vector<NetworkInterface> network;
    std::optional<Dns> dns; ///< nothing: /etc/resolv.conf stays
    HotplugConfig hotplug;
    bool import_credentials = true; ///< of the VMM, into /run/credentials/@system

    friend bool operator==(const GuestConfig&, const GuestConfig&) = default;
};

/// Reads the members `sysctls`, `hosts`, `network`, `dns`, `hotplug` and `credentials` where they
/// are there. Lists replace what was there; members of objects are read on top of it.
void read_guest_config(Fields& fields, GuestConfig& guest);

/// The file of a kernel setting below /proc/sys, without a slash at its beginning; empty for a
/// name that can be none. The separator that comes first is the one that counts: where that is a
/// dot, slashes stand for dots. Source: sysctl(8), sysctl.d(5).
std::string sysctl_path(std::string_view name);

} // namespace rouse::proto
