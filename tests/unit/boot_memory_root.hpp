#pragma once
// A root in memory, as the one of an initramfs, for a thread that then goes on in another.

#include "agent/sys/mount.hpp"
#include "agent/sys/root_switch.hpp"
#include "tests/support/own_namespaces.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch_test_macros.hpp>

#include <functional>
#include <string>

#include <sys/mount.h>

namespace rouse::test {

/// Runs `body` in namespaces of the test's own whose root is in memory, with the machine's own
/// /dev, /proc and /sys, and a /run. The test skips where there are none, which takes root.
inline void in_memory_root(const std::function<void()>& body) {
    const TemporaryDirectory directory;
    in_own_namespaces([&] {
        const std::string root = directory.path();
        const auto mount_in_root = [&](const std::string& source, const std::string& target,
                                       const std::string& type, unsigned long flags) {
            REQUIRE(sys::make_directories(root + target, 0755));
            REQUIRE(sys::mount({.source = source,
                                .target = root + target,
                                .type = type,
                                .flags = flags,
                                .data = ""}));
        };
        mount_in_root("tmpfs", "", "tmpfs", 0);
        for (const std::string from : {"/dev", "/proc", "/sys"})
            mount_in_root(from, from, "none", MS_BIND | MS_REC);
        mount_in_root("tmpfs", "/run", "tmpfs", 0);
        REQUIRE(sys::make_root(root));
        body();
    });
}

} // namespace rouse::test
