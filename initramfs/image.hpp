// The initramfs of a guest: the agent as /init, its kernel modules, busybox and configuration.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rouse::initramfs {

/// A file of the host that goes into the image.
struct ExtraFile {
    std::filesystem::path source;
    std::string destination;
    /// Permission bits; the source's own when absent.
    std::optional<std::uint32_t> mode;
};

/// Reads "SOURCE=DESTINATION" or "SOURCE=DESTINATION:MODE", MODE in octal.
/// Errors: std::invalid_argument that quotes the text.
[[nodiscard]] ExtraFile parse_extra_file(std::string_view text);

enum class Compression { none, gzip };

struct ImageOptions {
    /// The program that the kernel starts, as /init with mode 0755.
    std::filesystem::path init;
    /// The kernel of the store whose modules go in; none means no modules at all.
    std::optional<std::filesystem::path> kernel;
    /// Loaded at boot, in this order, after what they depend on.
    std::vector<std::string> modules = {"virtio_pci", "vmw_vsock_virtio_transport"};
    /// Only put into the image; a guest that wants them loads them by hand.
    std::vector<std::string> extra_modules = {"vsock_loopback"};
    /// Put into the image where the kernel has them; the agent loads what a root or a volume needs.
    std::vector<std::string> wanted_modules;
    /// A static busybox; empty leaves it out.
    std::filesystem::path busybox = "/usr/bin/busybox";
    std::vector<ExtraFile> files;
    /// The content of /etc/rouse/config.json.
    std::optional<std::string> config;
    Compression compression = Compression::gzip;
};

/// What `wanted_modules` has in an initramfs that goes on in a root on a disk: drivers of virtual
/// disks and file systems.
[[nodiscard]] std::vector<std::string> modules_for_root();

/// The bytes of the image. The same input gives the same bytes. Blocks; runs modprobe, xz and
/// busybox of the host.
/// Errors: std::runtime_error that names the file or module and the reason.
[[nodiscard]] std::string build_image(const ImageOptions& options);

} // namespace rouse::initramfs
