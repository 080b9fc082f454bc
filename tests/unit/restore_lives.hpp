#pragma once
// Lives of the restore chain in the world of its tests, told by the names of their events.

#include "tests/unit/restore_world.hpp"

#include <initializer_list>

namespace rouse::test {

/// Lets the named events happen, in this order. Fails the test where one of them cannot, or where a
/// promise is broken.
void run(RestoreWorld& world, std::initializer_list<const char*> names);

/// The boot's chain has ended well, 10 s ago.
RestoreWorld connected();

} // namespace rouse::test
