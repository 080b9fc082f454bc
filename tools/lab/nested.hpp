// The nested rig: an outer VM ("L1") under emulation that has KVM and vhost-vsock, and in it a
// command of this machine, which can then run guests ("L2") as on any KVM host.
//
// The outer VM needs no disk: it sees this machine's root read-only over 9p, with /tmp, /run and
// /var/tmp of its own. What the command prints comes back over virtio-serial, unchanged and live.
#pragma once

#include "tools/lab/nested_script.hpp"

#include <chrono>
#include <filesystem>

namespace rouse::lab {

struct NestedOptions {
    NestedCommand command;
    unsigned memory = 2048; // MiB
    /// With two, QEMU's emulated SVM damages the outer VM: see tools/lab/README.md.
    unsigned processors = 1;
    /// For the command; the boot of the outer VM before it has a limit of its own, 90 s.
    std::chrono::milliseconds limit = std::chrono::minutes(10);
    /// Becomes readable when a person wants to end it; borrowed; -1 for none.
    int interrupt = -1;
};

/// How a nested command ended.
enum class NestedEnd { exited, interrupted };

struct NestedResult {
    NestedEnd end = NestedEnd::exited;
    int status = 0; // exit status in the form of a shell
};

/// Runs the command in an outer VM and copies its standard output and standard error to ours.
/// Nothing is left running when it returns or throws.
/// Errors: LabError, with the end of the outer VM's console, when the outer VM does not start,
/// dies, or `limit` passes.
[[nodiscard]] NestedResult run_nested(const NestedOptions& options);

} // namespace rouse::lab
