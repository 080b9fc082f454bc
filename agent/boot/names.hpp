#pragma once
// By what names this machine and others are known in it.

#include "agent/boot/report.hpp"
#include "agent/sys/replace_file.hpp"
#include "proto/guest_config.hpp"

#include <optional>
#include <string>
#include <vector>

namespace rouse::boot {

/// Where the files are. Those on a file system that is read-only are covered by others.
struct NamePlaces {
    std::string etc = "/etc";
    std::string covers = sys::cover_directory;
};

/// Sets the kernel's name for the machine; an empty one takes etc/hostname, and without that file
/// stays what the kernel has. Source: hostname(5).
Report set_hostname(const std::string& hostname, const NamePlaces& places = {});

/// The text of etc/hosts: the loopback, the machine itself where it has a name, and `entries`.
/// Source: hosts(5); the machine's own line is that of Debian.
std::string hosts_text(const std::vector<proto::HostsEntry>& entries, std::string_view hostname);

/// Writes etc/hosts. Without entries of the configuration a file that says anything stays; one that
/// is missing or empty, as in an image that was exported from a container, gets the loopback.
Report write_hosts(const std::optional<std::vector<proto::HostsEntry>>& entries,
                   const NamePlaces& places = {});

/// Writes etc/resolv.conf where the configuration has anything to say.
Report write_resolv_conf(const std::optional<proto::Dns>& dns, const NamePlaces& places = {});

} // namespace rouse::boot
