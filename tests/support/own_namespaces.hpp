#pragma once
// A machine's name, mounts and network to be changed at will: namespaces of the test's own.

#include <functional>

namespace rouse::test {

/// Runs `body` on a thread that has namespaces of its own for mounts, host name and network, as
/// have the threads and processes that it starts; what it throws is thrown here. The test skips
/// where they cannot be had, which takes root.
void in_own_namespaces(const std::function<void()>& body);

} // namespace rouse::test
