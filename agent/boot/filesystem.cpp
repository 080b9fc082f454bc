#include "agent/boot/filesystem.hpp"

#include "agent/boot/find_device.hpp"
#include "agent/boot/module_index.hpp"
#include "agent/sys/mount_options.hpp"

#include <fmt/format.h>

#include <optional>
#include <vector>

#include <sys/mount.h>

namespace rouse::boot {

namespace {

constexpr std::string_view bind_type = "bind";
constexpr mode_t mount_point_mode = 0755;

bool has_device(const Filesystem& wanted) {
    return wanted.type != "tmpfs" && wanted.type != "overlay" && wanted.type != bind_type &&
           !proto::is_tagged_type(wanted.type);
}

struct Source {
    std::string device;
    std::string type;
    std::string why; ///< there is none
};

Source find_source(const Filesystem& wanted) {
    if (wanted.type == "tmpfs") return {.device = "tmpfs", .type = wanted.type, .why = ""};
    if (!has_device(wanted)) return {.device = wanted.source, .type = wanted.type, .why = ""};
    const std::optional<proto::DeviceName> name = proto::parse_device_name(wanted.source);
    if (!name)
        return {.device = "",
                .type = "",
                .why = fmt::format("'{}' names no device, and '{}' is a file system of devices",
                                   wanted.source, wanted.type.empty() ? "auto" : wanted.type)};
    DeviceSearch search = find_device(*name, wanted.wait);
    if (search.path.empty()) return {.device = "", .type = "", .why = std::move(search.why)};
    if (!wanted.type.empty()) return {.device = search.path, .type = wanted.type, .why = ""};
    const sys::Result<sys::DeviceContent> content = sys::device_content(search.path);
    if (!content)
        return {.device = "",
                .type = "",
                .why = fmt::format("cannot tell what is on {}: {}", search.path,
                                   content.error().message())};
    if (content->type.empty())
        return {.device = "",
                .type = "",
                .why = fmt::format("there is no file system on {}", search.path)};
    return {.device = search.path, .type = content->type, .why = ""};
}

/// Modules of a file system: in an initramfs nobody answers when the kernel asks for them.
std::vector<std::string> modules_of(const std::string& type) {
    if (type == "9p") return {"9pnet_virtio", "9p"};
    return {type};
}

sys::Result<> mount_with_modules(const sys::Mount& call) {
    sys::Result<> done = sys::mount(call);
    if (done || done.error() != sys::error_from(ENODEV)) return done;
    const ModuleIndex index = ModuleIndex::of_this_kernel();
    for (const std::string& module : modules_of(call.type))
        (void)load_module(index, module); // what it could not do, the mount tells again
    return sys::mount(call);
}

/// Flags of a bind mount are its own, and the kernel takes them only in a second call.
sys::Result<> finish_bind(const sys::Mount& call) {
    const unsigned long flags = call.flags & ~static_cast<unsigned long>(MS_BIND | MS_REC);
    if (flags == 0) return {};
    return sys::mount({.source = "none",
                       .target = call.target,
                       .type = "none",
                       .flags = flags | MS_REMOUNT | MS_BIND,
                       .data = ""});
}

bool is_write_protected(const sys::error_code& error) {
    return error == sys::error_from(EACCES) || error == sys::error_from(EROFS);
}

} // namespace

sys::Mount mount_call(const Filesystem& wanted, const std::string& device,
                      const std::string& type) {
    sys::MountOptions options = sys::parse_mount_options(wanted.options);
    if (wanted.access == Access::read_only) options.flags |= MS_RDONLY;
    if (type == bind_type) options.flags |= MS_BIND;
    if (type == "9p" && options.data.find("trans=") == std::string::npos)
        options.data =
            "trans=virtio,version=9p2000.L" + (options.data.empty() ? "" : "," + options.data);
    return {.source = device,
            .target = wanted.target,
            .type = type == bind_type ? "none" : type,
            .flags = options.flags,
            .data = options.data};
}

Step mount_filesystem(const Filesystem& wanted, const std::string& name) {
    Step step{.name = name, .ok = false, .fatal = false, .message = ""};
    Source source = find_source(wanted);
    if (!source.why.empty()) {
        step.message = std::move(source.why);
        return step;
    }
    // An error here is told by the mount, which then has no target.
    (void)sys::make_directories(wanted.target, mount_point_mode);
    sys::Mount call = mount_call(wanted, source.device, source.type);
    sys::Result<> done = mount_with_modules(call);
    if (!done && is_write_protected(done.error()) && (call.flags & MS_RDONLY) == 0) {
        call.flags |= MS_RDONLY;
        done = mount_with_modules(call);
        if (done) step.message = source.device + " is write-protected, so it is read-only";
    }
    if (done && source.type == bind_type) done = finish_bind(call);
    step.ok = done.has_value();
    if (!done)
        step.message = fmt::format("cannot mount '{}' ({}) at {}: {}", source.device, source.type,
                                   wanted.target, done.error().message());
    return step;
}

} // namespace rouse::boot
