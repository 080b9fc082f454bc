#pragma once
// Capabilities of a child, between the fork and the exec. Async-signal-safe.

#include "agent/sys/spawn_attributes.hpp"

namespace rouse::sys {

/// Takes what is dropped from the bounding set. Call it while the child still has CAP_SETPCAP. With
/// `keep` the change of user that follows leaves the permitted set alone. False with errno: EPERM.
/// `item` becomes the number of the capability it is about.
bool limit_capabilities(const CapabilityMasks& masks, bool keep, int& item) noexcept;

/// Sets the other sets once the user is who it shall be: root keeps what is left; another user has
/// what was added, as ambient capabilities, which a program without file capabilities keeps. False
/// with errno: EPERM for one that the caller has not, EINVAL for one that this kernel does not
/// know.
bool set_capabilities(const CapabilityMasks& masks, bool is_root, int& item) noexcept;

} // namespace rouse::sys
