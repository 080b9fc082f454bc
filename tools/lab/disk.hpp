// Disks of a machine.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace rouse::lab {

/// What a machine does to the file of a disk.
enum class DiskWrites {
    kept,
    forgotten, // they are gone when the machine ends
    refused,   // the disk is write-protected
};

/// A disk of the machine, by virtio: /dev/vda, /dev/vdb, … in their order.
struct Disk {
    std::filesystem::path file; // a raw image
    DiskWrites writes = DiskWrites::kept;
    std::string serial;
};

/// Reads "FILE", or "FILE,WORD…" with the words "ro" (refused), "snapshot" (forgotten) and
/// "serial=TEXT". Errors: LabError that quotes the text.
[[nodiscard]] Disk parse_disk(std::string_view text);

/// How the guest mounts a directory of the host.
enum class ShareBy {
    virtiofs,
    nine_p, // QEMU does it itself; the cloud kernels lack 9p, "l1" has it
};

/// A directory of the host that the guest knows as `tag`.
struct Share {
    std::filesystem::path directory;
    std::string tag;
    ShareBy by = ShareBy::virtiofs;
};

/// Reads "DIRECTORY=TAG" or "DIRECTORY=TAG,9p". Errors: LabError that quotes the text.
[[nodiscard]] Share parse_share(std::string_view text);

/// The arguments of QEMU that give the machine its share number `index`; `socket` is that of a
/// virtiofs daemon. The guest's root may do there what the user may who runs QEMU and the daemon.
/// Source: qemu-system(1), -fsdev; vhost-user-fs-pci.
[[nodiscard]] std::vector<std::string> share_arguments(const Share& share, std::size_t index,
                                                       const std::filesystem::path& socket);

/// The arguments of QEMU that give the machine its disk number `index`, from 0.
/// Source: qemu-system(1), -drive; virtio-blk-pci.
[[nodiscard]] std::vector<std::string> disk_arguments(const Disk& disk, std::size_t index);

} // namespace rouse::lab
