// Where the lab finds and keeps things on the host.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace rouse::lab {

/// The cache folder: $ROUSE_CACHE, else $XDG_CACHE_HOME/rouse, else $HOME/.cache/rouse.
[[nodiscard]] std::filesystem::path cache_folder();

/// The folder of running machines: $ROUSE_LAB_DIR, else rouse-lab below $XDG_RUNTIME_DIR or /tmp.
/// Made with mode 0700. Errors: LabError when it belongs to someone else.
[[nodiscard]] std::filesystem::path state_folder();

/// A program or file of the build, as "agent/rouse".
[[nodiscard]] std::filesystem::path build_product(std::string_view relative);

/// The top of the source tree that this program was built from.
[[nodiscard]] std::filesystem::path source_root();

/// The names of the kernels that the store can hold.
[[nodiscard]] const std::vector<std::string>& kernel_names();

/// The directory of a kernel of the store, or of any directory with the same layout when `name`
/// contains a slash; it may not exist.
[[nodiscard]] std::filesystem::path kernel_folder(const std::string& name);

/// The root file system of a Debian, as a tar archive, and as an ext4 image with the label
/// "debian"; made by mmdebstrap when they are not in the cache, which takes a minute and root.
/// Errors: LabError with what mmdebstrap said missing.
struct RootfsFiles {
    std::filesystem::path archive;
    std::filesystem::path image;
};
[[nodiscard]] RootfsFiles debian_rootfs();

/// Makes sure that kernels (or "vsock" and "virtiofsd", the daemons) are in the cache; fetches what
/// is missing, with progress on standard error. Errors: LabError that names what could not be
/// fetched and how to do it by hand.
void fetch(const std::vector<std::string>& names);

/// The virtiofs daemon; fetched as "virtiofsd". The file may not exist yet.
[[nodiscard]] std::filesystem::path virtiofs_daemon();

/// The vsock daemon for machines without KVM. The file may not exist yet.
[[nodiscard]] std::filesystem::path vsock_daemon();

} // namespace rouse::lab
