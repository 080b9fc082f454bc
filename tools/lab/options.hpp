// What a virtual machine is made of.
#pragma once

#include "initramfs/image.hpp"
#include "tools/lab/rig.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace rouse::lab {

class Machine;

/// What counts as "the guest is up".
enum class Ready {
    answer,  // the console shows "rouse: READY" and GET /v1/status is answered with 200
    console, // the console shows "rouse: READY"
    none,    // power-on is enough
};

/// The parts that are the same at boot and at restore.
struct MachineCommon {
    /// For messages; letters, digits, '-', '_' and '.'.
    std::string name = "vm";
    /// Where sockets, console and image live; a temporary directory, removed with the machine, when
    /// empty.
    std::filesystem::path directory;
    /// The rig to use; picked when absent.
    std::optional<Rig> rig;
    Ready ready = Ready::answer;
    /// For everything from power-on, or from the start of the restore, to ready.
    std::chrono::milliseconds deadline = std::chrono::seconds(60);
    /// Receives what `rousectl collect` collects from this machine; no collector when empty. In the
    /// kvm rig there can be one at a time, since a port of AF_VSOCK has one listener for all
    /// guests.
    std::filesystem::path collect;
};

struct MachineOptions : MachineCommon {
    /// A name of the kernel store (6.1, 6.12, 7.2) or a directory of its layout.
    std::string kernel = "6.12";
    /// In MiB.
    unsigned memory = 256;
    /// Becomes /init; the built agent when empty.
    std::filesystem::path agent;
    /// The content of /etc/rouse/config.json.
    std::optional<std::string> config;
    /// Appended to the kernel command line.
    std::string command_line;
    /// More files for the image.
    std::vector<initramfs::ExtraFile> files;
    /// A finished image to boot instead of building one from the fields above.
    std::filesystem::path image;
};

struct RestoreOptions : MachineCommon {
    /// What Machine::snapshot wrote.
    std::filesystem::path snapshot;
    /// Called when memory is loaded and the vsock device is there, before the machine continues.
    std::function<void(Machine&)> before_resume;
};

} // namespace rouse::lab
