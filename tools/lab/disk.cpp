#include "tools/lab/disk.hpp"

#include "tools/lab/error.hpp"

#include <fmt/format.h>

namespace rouse::lab {
namespace {

constexpr std::size_t first_slot = 0x11;

/// QEMU separates its options by commas, and takes two of them for one in a name.
std::string with_commas_doubled(const std::string& text) {
    std::string doubled;
    for (const char c : text)
        doubled.append(c == ',' ? 2 : 1, c);
    return doubled;
}

} // namespace

Disk parse_disk(std::string_view text) {
    constexpr std::string_view serial = "serial=";
    std::string_view rest = text;
    const auto word = [&rest] {
        const std::string_view first = rest.substr(0, rest.find(','));
        rest.remove_prefix(first.size() == rest.size() ? first.size() : first.size() + 1);
        return first;
    };
    Disk disk{.file = word(), .writes = DiskWrites::kept, .serial = {}};
    while (!rest.empty()) {
        const std::string_view option = word();
        if (option == "ro")
            disk.writes = DiskWrites::refused;
        else if (option == "snapshot")
            disk.writes = DiskWrites::forgotten;
        else if (option.starts_with(serial))
            disk.serial = option.substr(serial.size());
        else
            throw LabError(
                fmt::format("'{}' is not of the form FILE[,ro|,snapshot][,serial=TEXT]", text));
    }
    if (!std::filesystem::exists(disk.file))
        throw LabError(fmt::format("there is no disk image '{}'", disk.file.string()));
    return disk;
}

std::vector<std::string> disk_arguments(const Disk& disk, std::size_t index) {
    const std::string id = fmt::format("disk{}", index);
    std::string drive = fmt::format("file={},format=raw,if=none,id={}",
                                    with_commas_doubled(disk.file.string()), id);
    if (disk.writes == DiskWrites::forgotten) drive += ",snapshot=on";
    if (disk.writes == DiskWrites::refused) drive += ",readonly=on";
    // A slot of its own, as the network card has.
    std::string device = fmt::format("virtio-blk-pci,drive={},addr={:#x}", id, first_slot + index);
    if (!disk.serial.empty()) device += ",serial=" + with_commas_doubled(disk.serial);
    return {"-drive", std::move(drive), "-device", std::move(device)};
}

Share parse_share(std::string_view text) {
    constexpr std::string_view by_9p = ",9p";
    std::string_view rest = text;
    const bool nine_p = rest.ends_with(by_9p);
    if (nine_p) rest.remove_suffix(by_9p.size());
    const std::size_t equals = rest.rfind('=');
    if (equals == std::string_view::npos || equals == 0 || equals + 1 == rest.size())
        throw LabError(fmt::format("'{}' is not of the form DIRECTORY=TAG[,9p]", text));
    Share share{.directory = rest.substr(0, equals),
                .tag = std::string(rest.substr(equals + 1)),
                .by = nine_p ? ShareBy::nine_p : ShareBy::virtiofs};
    if (!std::filesystem::is_directory(share.directory))
        throw LabError(fmt::format("there is no directory '{}'", share.directory.string()));
    return share;
}

std::vector<std::string> share_arguments(const Share& share, std::size_t index,
                                         const std::filesystem::path& socket) {
    const std::string id = fmt::format("share{}", index);
    const std::string tag = with_commas_doubled(share.tag);
    if (share.by == ShareBy::virtiofs)
        return {"-chardev",
                fmt::format("socket,id={},path={}", id, with_commas_doubled(socket.string())),
                "-device", fmt::format("vhost-user-fs-pci,chardev={},tag={}", id, tag)};
    return {"-fsdev",
            fmt::format("local,id={},path={},security_model=none,multidevs=remap", id,
                        with_commas_doubled(share.directory.string())),
            "-device", fmt::format("virtio-9p-pci,fsdev={},mount_tag={}", id, tag)};
}

} // namespace rouse::lab
