// The command line of QEMU for each rig.
#pragma once

#include "tools/lab/disk.hpp"
#include "tools/lab/rig.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace rouse::lab {

/// Where the parts of one machine lie in its directory.
struct MachineFiles {
    std::filesystem::path directory;

    [[nodiscard]] std::filesystem::path console() const { return directory / "console"; }
    /// The serial line itself, for one who connects: nobody has to, and whoever does and then does
    /// not read holds up the guest's console.
    [[nodiscard]] std::filesystem::path console_socket() const { return directory / "tty.sock"; }
    [[nodiscard]] std::filesystem::path log() const { return directory / "log"; }
    [[nodiscard]] std::filesystem::path image() const { return directory / "image"; }
    [[nodiscard]] std::filesystem::path control_socket() const { return directory / "qmp"; }
    /// Between QEMU and the vsock daemon.
    [[nodiscard]] std::filesystem::path device_socket() const { return directory / "vhu.sock"; }
    /// Between hosts and the vsock daemon: the hybrid Unix socket.
    [[nodiscard]] std::filesystem::path vsock_socket() const { return directory / "v.sock"; }
    /// Where a collector waits for the guest's link: the hybrid protocol appends the port.
    [[nodiscard]] std::filesystem::path link_socket() const { return directory / "v.sock_4001"; }
    /// Between QEMU and the daemon of a share.
    [[nodiscard]] std::filesystem::path share_socket(std::size_t index) const {
        return directory / ("share" + std::to_string(index) + ".sock");
    }
    [[nodiscard]] std::filesystem::path collector_log() const { return directory / "collect.log"; }
    [[nodiscard]] std::filesystem::path restore_document() const {
        return directory / "restore.json";
    }
};

/// What QEMU is told about a machine.
struct QemuPlan {
    Rig rig = Rig::tcg;
    MachineFiles files;
    unsigned memory = 256; // MiB
    /// The id that the guest is known by on vsock.
    std::uint32_t cid = 3;
    /// The VM generation id, a UUID.
    std::string generation;
    /// More devices, as -device takes them.
    std::vector<std::string> devices;
    /// As MachineOptions::arguments.
    std::vector<std::string> arguments;
    std::vector<Disk> disks;
    std::vector<Share> shares;
    /// As MachineOptions::network.
    std::string network;
    /// Set to boot; absent to wait for a saved machine.
    struct Boot {
        std::filesystem::path kernel;
        std::filesystem::path image;
        std::string command_line;
    };
    std::optional<Boot> boot;
};

/// The id of the vsock device and its character device.
constexpr const char* vsock_device_id = "vs0";
constexpr const char* vsock_chardev_id = "vsock";

/// QEMU's arguments, the program first. The machine to be restored under TCG has no vsock device
/// yet, since the device cannot be saved either: it is plugged in afterwards.
/// Source: qemu-system(1).
[[nodiscard]] std::vector<std::string> qemu_command(const QemuPlan& plan);

} // namespace rouse::lab
