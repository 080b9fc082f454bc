#pragma once
// Secrets and settings that the VMM hands to the guest, put where programs look for them. None of
// their contents is ever logged.

#include "agent/boot/report.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace rouse::boot {

struct Credential {
    std::string name;
    std::string bytes;

    friend bool operator==(const Credential&, const Credential&) = default;
};

/// What was found, and what was wrong with the rest.
struct Credentials {
    std::vector<Credential> found;
    Report report; ///< a step for each credential, by its name; none: there is nothing to import
};

/// Where the VMM may have put them.
struct CredentialSources {
    std::vector<Credential> firmware;     ///< fw_cfg, opt/io.systemd.credentials/NAME
    std::vector<std::string> oem_strings; ///< SMBIOS type 11: io.systemd.credential[.binary]:NAME=…
    std::string command_line; ///< the kernel's: systemd.set_credential[_binary]=NAME:…
};

/// Takes the credentials of all sources, in this order: the first of a name wins. Refuses names
/// that are no file names, values that are not base64 where they should be, and what is beyond
/// limits::credential_bytes. `systemd.import_credentials=no` on the command line: none at all.
/// Source: systemd-creds(1), systemd.system-credentials(7), kernel-command-line(7).
Credentials choose_credentials(const CredentialSources& sources);

struct CredentialPlaces {
    std::string firmware = "/sys/firmware/qemu_fw_cfg/by_name/opt/io.systemd.credentials";
    std::string smbios = "/sys/firmware/dmi/tables/DMI";
    std::string command_line = "/proc/cmdline";
    std::string directory = "/run/credentials/@system";
};

/// Reads the sources and stores what they have in `directory`: files of mode 0400 in a file system
/// of its own, of mode 0500, which is never swapped out and read-only in the end. Without
/// credentials nothing is made. Each that cannot be had is told by its name; none is fatal.
Report import_credentials(const CredentialPlaces& places = {});

} // namespace rouse::boot
