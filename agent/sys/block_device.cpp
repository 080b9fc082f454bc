#include "agent/sys/block_device.hpp"

#include "agent/sys/directory.hpp"
#include "agent/sys/proc.hpp"

#include <algorithm>
#include <charconv>
#include <memory>

#include <blkid/blkid.h>

namespace rouse::sys {

namespace {

/// What blkid_do_safeprobe() says.
constexpr int probe_found = 0;
constexpr int probe_nothing = 1;
constexpr int probe_ambivalent = -2;

struct FreeProbe {
    void operator()(blkid_probe probe) const { ::blkid_free_probe(probe); }
};
using Probe = std::unique_ptr<std::remove_pointer_t<blkid_probe>, FreeProbe>;

/// The first line without blanks at its end; empty where there is no file.
std::string line_of(const std::string& file) {
    const Result<std::string> text = read_file(file);
    if (!text) return "";
    std::string line = text->substr(0, text->find('\n'));
    line.erase(line.find_last_not_of(" \t") + 1);
    return line;
}

/// virtio-blk has it on the disk itself, NVMe on the controller.
std::string serial_of(const std::string& directory) {
    std::string serial = line_of(directory + "/serial");
    return serial.empty() ? line_of(directory + "/device/serial") : serial;
}

std::uint64_t sectors_of(const std::string& directory) {
    const std::string text = line_of(directory + "/size");
    std::uint64_t sectors = 0;
    (void)std::from_chars(text.data(), text.data() + text.size(), sectors); // none is 0
    return sectors;
}

std::string value_of(const Probe& probe, const char* name) {
    const char* text = nullptr;
    if (::blkid_probe_lookup_value(probe.get(), name, &text, nullptr) != 0) return "";
    return text;
}

} // namespace

Result<std::vector<BlockDevice>> block_devices(const std::string& classes,
                                               const std::string& devices) {
    Result<std::vector<std::string>> names = list_directory(classes);
    if (!names) return names.error();
    std::sort(names->begin(), names->end());
    std::vector<BlockDevice> all;
    for (const std::string& name : *names) {
        const std::string directory = classes + "/" + name;
        std::string path = devices + "/" + name;
        // A '!' stands for a '/' in the names of some drivers, such as "cciss!c0d0".
        for (std::size_t at = path.find('!'); at != std::string::npos; at = path.find('!'))
            path[at] = '/';
        all.push_back({.name = name,
                       .path = std::move(path),
                       .serial = serial_of(directory),
                       .sectors = sectors_of(directory)});
    }
    return all;
}

Result<DeviceContent> device_content(const std::string& device) {
    errno = EIO;
    const Probe probe(::blkid_new_probe_from_filename(device.c_str()));
    if (!probe) return last_error();
    (void)::blkid_probe_enable_superblocks(probe.get(), 1);
    (void)::blkid_probe_set_superblocks_flags(probe.get(), BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID |
                                                               BLKID_SUBLKS_TYPE);
    (void)::blkid_probe_enable_partitions(probe.get(), 1);
    (void)::blkid_probe_set_partitions_flags(probe.get(), BLKID_PARTS_ENTRY_DETAILS);
    switch (::blkid_do_safeprobe(probe.get())) {
    case probe_found:
    case probe_nothing:
        return DeviceContent{.type = value_of(probe, "TYPE"),
                             .label = value_of(probe, "LABEL"),
                             .uuid = value_of(probe, "UUID"),
                             .part_uuid = value_of(probe, "PART_ENTRY_UUID")};
    case probe_ambivalent:
        return error_from(EUCLEAN);
    default:
        return error_from(EIO);
    }
}

} // namespace rouse::sys
