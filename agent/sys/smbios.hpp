#pragma once
// What the VMM wrote into the firmware's description of the machine.

#include "agent/sys/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace rouse::sys {

/// The strings of all "OEM strings" structures (type 11) of the table, in their order. A table that
/// is cut off gives what comes before. Source: DMTF DSP0134 (SMBIOS), 6.1 and 7.12.
std::vector<std::string> oem_strings(std::string_view table);

/// Those of this machine. Errors: ENOENT without such a table; EACCES for anybody but root.
/// Source: Documentation/ABI/testing/sysfs-firmware-dmi-tables.
Result<std::vector<std::string>>
read_oem_strings(const std::string& file = "/sys/firmware/dmi/tables/DMI");

} // namespace rouse::sys
