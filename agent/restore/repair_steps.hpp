#pragma once
// What each member of a restore document does to the guest. Each of these may block, so that it
// runs on a worker, and owns nothing of the loop's.

#include "proto/restore.hpp"

#include <stop_token>
#include <string>

namespace rouse::restore {

/// Where the files are that say who this machine is.
struct RepairPlaces {
    std::string etc = "/etc";
    std::string dbus_machine_id = "/var/lib/dbus/machine-id";
    std::string covers = "/run/rouse/etc"; ///< for those on a file system that is read-only
};

/// How a step went. `detail`: why it failed, or what a person may want to know.
struct StepOutcome {
    bool ok = true;
    std::string detail = {};
};

/// The kernel's name, and etc/hostname where that can be written.
StepOutcome set_hostname(const std::string& name, const RepairPlaces& places,
                         const std::stop_token& stop);
/// etc/machine-id, and that of D-Bus where it is a file of its own.
/// Source: machine-id(5), dbus-uuidgen(1).
StepOutcome set_machine_id(const std::string& id, const RepairPlaces& places,
                           const std::stop_token& stop);
/// All interfaces, in the order of the document.
StepOutcome set_network(const std::vector<proto::NetworkInterface>& network,
                        const std::stop_token& stop);
/// etc/resolv.conf. Source: resolv.conf(5).
StepOutcome set_dns(const proto::Dns& dns, const RepairPlaces& places, const std::stop_token& stop);
/// See sys::destroy_tcp().
StepOutcome close_tcp(const std::stop_token& stop);

} // namespace rouse::restore
