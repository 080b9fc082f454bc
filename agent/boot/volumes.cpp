#include "agent/boot/volumes.hpp"

#include "agent/boot/filesystem.hpp"
#include "agent/boot/find_device.hpp"
#include "agent/sys/swap.hpp"

#include <optional>

namespace rouse::boot {

namespace {

Step mount_volume(const proto::VolumeConfig& volume) {
    Step step =
        mount_filesystem({.source = volume.source,
                          .target = volume.target,
                          .type = volume.type,
                          .options = volume.options,
                          .access = volume.read_only ? Access::read_only : Access::read_write,
                          .wait = volume.wait},
                         "volume " + volume.target);
    step.fatal = !volume.optional;
    return step;
}

Step enable_one(const proto::SwapConfig& swap) {
    Step step{.name = "swap " + swap.source, .ok = false, .fatal = false, .message = ""};
    const std::optional<proto::DeviceName> name = proto::parse_device_name(swap.source);
    if (!name) {
        step.message = "names no device";
        return step;
    }
    const DeviceSearch search = find_device(*name, swap.wait);
    if (search.path.empty()) {
        step.message = search.why;
        return step;
    }
    std::optional<int> priority;
    if (swap.priority) priority = static_cast<int>(*swap.priority);
    const sys::Result<> done = sys::swap_on(search.path, priority);
    step.ok = done.has_value();
    if (!done)
        step.message = search.path + ": " + done.error().message() +
                       (done.error() == sys::error_from(EINVAL)
                            ? "; it may lack what mkswap writes, or have holes"
                            : "");
    return step;
}

} // namespace

Report mount_volumes(const std::vector<proto::VolumeConfig>& volumes) {
    Report report;
    for (const proto::VolumeConfig& volume : volumes)
        report.add(mount_volume(volume));
    return report;
}

Report enable_swap(const std::vector<proto::SwapConfig>& swap) {
    Report report;
    for (const proto::SwapConfig& one : swap)
        report.add(enable_one(one));
    return report;
}

} // namespace rouse::boot
