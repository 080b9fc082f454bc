#pragma once
// What is left of an initramfs when nobody lives in it any more.

#include "agent/sys/result.hpp"

namespace rouse::sys {

/// Removes everything in the directory that is on its own file system: mount points and what is
/// mounted there stay. Borrows. Returns the first error, and goes on behind it.
Result<> empty_directory(int directory);

} // namespace rouse::sys
