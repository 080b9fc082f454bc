#pragma once
// The kernel's resources and capabilities by name.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rouse::proto {

/// "as", "core", …, "stack": the keys of `rlimits`.
std::vector<std::string_view> resource_names();
/// The kernel's number of a resource, RLIMIT_NOFILE for "nofile". Nothing for an unknown name.
std::optional<int> resource_number(std::string_view name);

/// The kernel's number of a capability, 12 for "NET_ADMIN". Nothing for an unknown name and "ALL".
std::optional<unsigned> capability_number(std::string_view name);
/// "NET_ADMIN" for 12; the number itself for one without a name.
std::string capability_name(unsigned number);

} // namespace rouse::proto
