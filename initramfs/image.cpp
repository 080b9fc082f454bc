#include "initramfs/image.hpp"

#include "initramfs/command.hpp"
#include "initramfs/cpio.hpp"
#include "initramfs/file.hpp"
#include "initramfs/gzip.hpp"
#include "initramfs/modules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <sstream>
#include <stdexcept>

#include <sys/stat.h>

namespace rouse::initramfs {
namespace {

// An unprivileged user that tests and workloads can be run as.
constexpr std::string_view passwd_file = "root:x:0:0:root:/root:/bin/sh\n"
                                         "user:x:1000:1000:user:/tmp:/bin/sh\n"
                                         "nobody:x:65534:65534:nobody:/:/bin/false\n";
constexpr std::string_view group_file = "root:x:0:\n"
                                        "user:x:1000:\n"
                                        "nogroup:x:65534:\n";

void add_skeleton(Archive& archive) {
    for (const std::string_view directory : {"proc", "sys", "dev", "run", "etc", "var", "bin"})
        archive.add_directory(directory);
    archive.add_directory("root", 0700);
    archive.add_directory("tmp", 01777);
    // Without this node the kernel starts /init with no descriptor open at all.
    archive.add_character_device("dev/console", 0600, 5, 1);
    archive.add_file("etc/passwd", std::string(passwd_file));
    archive.add_file("etc/group", std::string(group_file));
}

void add_busybox(Archive& archive, const std::filesystem::path& busybox) {
    std::istringstream applets(command_output({busybox.string(), "--list"}));
    for (std::string applet; std::getline(applets, applet);)
        if (applet != "busybox") archive.add_symlink("bin/" + applet, "busybox");
    archive.add_file("bin/busybox", read_file(busybox), 0755);
    archive.add_symlink("sbin", "bin");
    archive.add_symlink("usr/bin", "../bin");
    archive.add_symlink("usr/sbin", "../bin");
}

/// The modules of an image, and what the agent finds them by.
class ModuleFolder {
public:
    ModuleFolder(Archive& archive, const Kernel& kernel) : archive_(archive), kernel_(kernel) {}

    /// Puts `module` and what it depends on into the archive; returns the paths in the guest.
    std::vector<std::string> add(const std::string& module) {
        std::vector<std::string> paths;
        std::string needed; // by the one that comes next, nearest first
        for (const auto& file : kernel_.load_order(module)) {
            paths.push_back(guest_module_path(file, kernel_.directory()));
            dependencies_.try_emplace(paths.back(), needed);
            needed = " " + paths.back() + needed;
            archive_.add_file(paths.back(), read_module(file));
        }
        return paths;
    }

    /// Writes modules.dep. What stands before a module in its order counts as needed by it, which
    /// loads the same files. Source: modules.dep(5).
    void finish() {
        std::string text;
        for (const auto& [path, needed] : dependencies_)
            text += fmt::format("{}:{}\n", path, needed);
        archive_.add_file(fmt::format("lib/modules/{}/modules.dep", kernel_.version()),
                          std::move(text));
    }

private:
    Archive& archive_;
    const Kernel& kernel_;
    std::map<std::string, std::string> dependencies_;
};

std::vector<std::string> add_kernel_modules(Archive& archive, const ImageOptions& options,
                                            const Kernel& kernel) {
    std::vector<std::string> order;
    ModuleFolder folder(archive, kernel);
    for (const auto& module : options.modules)
        for (const auto& path : folder.add(module))
            if (std::find(order.begin(), order.end(), path) == order.end()) order.push_back(path);
    for (const auto& module : options.extra_modules)
        (void)folder.add(module); // loaded by hand: not in the order
    for (const auto& module : options.wanted_modules)
        if (kernel.has(module)) (void)folder.add(module); // loaded when they are needed
    folder.finish();
    return order;
}

void add_modules(Archive& archive, const ImageOptions& options) {
    std::string text;
    if (options.kernel)
        for (const auto& path : add_kernel_modules(archive, options, Kernel(*options.kernel)))
            text += path + "\n";
    archive.add_file("etc/rouse/modules", std::move(text));
}

std::uint32_t permissions(const std::filesystem::path& file) {
    return static_cast<std::uint32_t>(std::filesystem::status(file).permissions()) & 07777U;
}

} // namespace

ExtraFile parse_extra_file(std::string_view text) {
    const auto equals = text.find('=');
    ExtraFile file;
    if (equals != std::string_view::npos) {
        file.source = text.substr(0, equals);
        std::string_view rest = text.substr(equals + 1);
        const auto colon = rest.rfind(':');
        if (colon != std::string_view::npos) {
            const std::string_view digits = rest.substr(colon + 1);
            std::uint32_t mode = 0;
            const auto [end, error] =
                std::from_chars(digits.data(), digits.data() + digits.size(), mode, 8);
            if (error == std::errc() && end == digits.data() + digits.size() && mode <= 07777U) {
                file.mode = mode;
                rest = rest.substr(0, colon);
            }
        }
        file.destination = rest;
    }
    if (file.source.empty() || file.destination.empty())
        throw std::invalid_argument(
            fmt::format("'{}' is not of the form SOURCE=DESTINATION[:MODE]", text));
    return file;
}

std::vector<std::string> modules_for_root() {
    return {"erofs", "ext4", "overlay", "squashfs",     "virtiofs",
            "xfs",   "9p",   "btrfs",   "9pnet_virtio", "isofs"};
}

std::string build_image(const ImageOptions& options) {
    Archive archive;
    add_skeleton(archive);
    add_modules(archive, options);
    if (!options.busybox.empty()) add_busybox(archive, options.busybox);
    archive.add_file("init", read_file(options.init), 0755);
    // So that a person in the guest can say `rouse debug status`.
    archive.add_symlink("usr/local/bin/rouse", "/init");
    if (options.config) archive.add_file("etc/rouse/config.json", *options.config);
    for (const auto& file : options.files)
        archive.add_file(file.destination, read_file(file.source),
                         file.mode.value_or(permissions(file.source)));
    std::string image = archive.serialise();
    return options.compression == Compression::gzip ? gzip(image) : image;
}

} // namespace rouse::initramfs
