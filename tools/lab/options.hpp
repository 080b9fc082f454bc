// What a virtual machine is made of.
#pragma once

#include "initramfs/image.hpp"
#include "tools/lab/disk.hpp"
#include "tools/lab/rig.hpp"

#include <boost/json/object.hpp>

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
    /// More devices, as QEMU's -device takes them: the same at boot and at restore.
    std::vector<std::string> devices;
    std::vector<Disk> disks;
};

struct MachineOptions : MachineCommon {
    /// A name of the kernel store (6.1, 6.12, 7.2) or a directory of its layout.
    std::string kernel = "6.12";
    /// In MiB.
    unsigned memory = 256;
    /// Directories of the host. A machine that has one cannot be saved; virtiofs needs the tcg rig.
    std::vector<Share> shares;
    /// The root that the initramfs goes on with, as the agent's `rouse.root` takes it
    /// ("LABEL=root", "/dev/vda", …), and what its writes go to instead ("tmpfs", "/dev/vdb", …);
    /// without one the guest stays in its initramfs.
    std::string root;
    std::string overlay;
    /// Becomes /init; the built agent when empty.
    std::filesystem::path agent;
    /// The content of /etc/rouse/config.json.
    std::optional<std::string> config;
    /// Appended to the kernel command line.
    std::string command_line;
    /// More kernel modules that the guest loads at boot.
    std::vector<std::string> modules;
    /// More files for the image.
    std::vector<initramfs::ExtraFile> files;
    /// What QEMU's -netdev says of the guest's network card, without an id: "hubport,hubid=0" (a
    /// card whose cable leads nowhere), "user", "socket,…"; no card when empty. It is eth0 with the
    /// address 52:54:00:12:34:56, and the guest can end TCP connections. Restored machines have it,
    /// too.
    std::string network;
    /// More of QEMU's arguments, behind the lab's own: "-smp", "2".
    std::vector<std::string> arguments;
    /// A finished image to boot instead of building one from the fields above.
    std::filesystem::path image;
};

/// What an orchestrator does around a snapshot.
enum class Prepare {
    guest,  // asks the agent to get ready, and tells it when the source goes on
    nobody, // the guest is taken by surprise
};

/// What becomes of the source after a snapshot.
enum class AfterSnapshot { quit, resume };

struct SnapshotOptions {
    AfterSnapshot after = AfterSnapshot::quit;
    /// Where no agent answers, or one that does not know how, this is as if it said nobody.
    Prepare prepare = Prepare::guest;
    std::chrono::milliseconds limit = std::chrono::seconds(60);
};

struct RestoreOptions : MachineCommon {
    /// What Machine::snapshot wrote.
    std::filesystem::path snapshot;
    /// More members of the restore document (hostname, machine_id, network, …), beside the
    /// generation and the entropy, which the lab makes.
    boost::json::object document;
    /// The directory of restore documents of a collector that is not this machine's own; the
    /// document is written there under the name that such a collector looks for. With neither this
    /// nor `collect`, the machine is told by POST /v1/restore, unless `ready` is none.
    std::filesystem::path documents;
    /// Called when memory is loaded and the vsock device is there, before the machine continues.
    std::function<void(Machine&)> before_resume;
};

} // namespace rouse::lab
