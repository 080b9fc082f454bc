// Runs a program of the host and takes its output: busybox, modprobe, xz, zstd.
#pragma once

#include <string>
#include <vector>

namespace rouse::initramfs {

/// Runs `argv` (looked up in PATH and the sbin directories), waits for it and returns its standard
/// output; standard input is /dev/null, standard error is inherited. Blocks.
/// Errors: std::runtime_error naming the program, when it cannot be started or exits with a status
/// other than 0.
[[nodiscard]] std::string command_output(const std::vector<std::string>& argv);

} // namespace rouse::initramfs
