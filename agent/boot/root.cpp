#include "agent/boot/root.hpp"

#include "agent/boot/filesystem.hpp"
#include "agent/sys/descriptor.hpp"
#include "agent/sys/empty_directory.hpp"
#include "agent/sys/root_switch.hpp"

#include <fmt/format.h>

#include <array>
#include <vector>

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

namespace rouse::boot {

namespace {

/// Below /run, which every guest can write to, even when its root is read-only.
constexpr const char* new_root = "/run/rouse/root";
constexpr std::array kept_mounts = {"/dev", "/proc", "/sys", "/run"};

Step fatal(Step step) {
    step.fatal = true;
    return step;
}

Filesystem root_filesystem(const proto::RootConfig& config, const char* target) {
    const bool written = config.overlay.empty() && !config.read_only;
    return {.source = config.source,
            .target = target,
            .type = config.type,
            .options = config.options,
            .access = written ? Access::read_write : Access::read_only,
            .wait = config.wait};
}

/// What is written goes to a file system of its own, which has to be empty or an overlay's.
Step mount_upper(const proto::RootConfig& config) {
    const bool memory = config.overlay == "tmpfs";
    Step step = mount_filesystem({.source = config.overlay,
                                  .target = overlay_upper,
                                  .type = memory ? "tmpfs" : "",
                                  .options = config.overlay_options,
                                  .access = Access::read_write,
                                  .wait = config.wait},
                                 "overlay storage");
    if (!step.ok) return step;
    for (const char* const part : {"upper", "work"}) {
        const auto made = sys::make_directory(fmt::format("{}/{}", overlay_upper, part), 0755);
        if (made) continue;
        step.ok = false;
        step.message =
            fmt::format("cannot write to '{}': {}", config.overlay, made.error().message());
    }
    return step;
}

Step mount_overlay() {
    return mount_filesystem({.source = "overlay",
                             .target = new_root,
                             .type = "overlay",
                             .options = fmt::format("lowerdir={},upperdir={}/upper,workdir={}/work",
                                                    overlay_lower, overlay_upper, overlay_upper),
                             .access = Access::read_write,
                             .wait = {}},
                            "overlay");
}

/// What the overlay reads from is the root that the kernel has mounted. From now on nobody else
/// writes to it.
Step lower_from_current_root() {
    Step step = mount_filesystem({.source = "/",
                                  .target = overlay_lower,
                                  .type = "bind",
                                  .options = "",
                                  .access = Access::read_only,
                                  .wait = {}},
                                 "root");
    if (step.ok && !sys::remount_read_only(overlay_lower))
        step.message = "the root itself stays writable";
    return step;
}

/// Adds the step; false when it failed.
bool add(Report& report, Step step) {
    const bool ok = step.ok;
    report.add(fatal(std::move(step)));
    return ok;
}

bool mount_new_root(const proto::RootConfig& config, sys::RootKind current, Report& report) {
    const bool from_disk = current == sys::RootKind::memory;
    const char* const name = "root";
    if (config.overlay.empty())
        return add(report, mount_filesystem(root_filesystem(config, new_root), name));
    return add(report, from_disk ? mount_filesystem(root_filesystem(config, overlay_lower), name)
                                 : lower_from_current_root()) &&
           add(report, mount_upper(config)) && add(report, mount_overlay());
}

/// A mount of the old root that goes along.
struct Kept {
    const char* target;
    sys::UniqueFd directory;
};

/// Opened before the switch, since the names lead nowhere after it.
std::vector<Kept> open_kept() {
    std::vector<Kept> kept;
    for (const char* const target : kept_mounts)
        if (auto directory = sys::open_file(target, O_PATH | O_DIRECTORY))
            kept.push_back({target, std::move(*directory)});
    return kept;
}

sys::Result<> bring_along(const Kept& kept) {
    // A root that has no such directory and cannot be written to is told by the move.
    (void)sys::make_directory(kept.target, 0755);
    if (::fchdir(kept.directory.get()) < 0) return sys::last_error();
    return sys::move_mount(".", kept.target);
}

/// One step: a root is switched as a whole or not at all.
Step switch_to_new_root(sys::RootKind current) {
    Step step{.name = "switch root", .ok = false, .fatal = true, .message = ""};
    const auto old_root = sys::open_file("/", O_RDONLY | O_DIRECTORY);
    const std::vector<Kept> kept = open_kept();
    const sys::Result<> made = sys::make_root(new_root);
    if (!old_root || !made) {
        step.message = (old_root ? made.error() : old_root.error()).message();
        return step;
    }
    step.ok = true;
    for (const Kept& one : kept)
        if (const auto moved = bring_along(one); !moved) {
            step.ok = false;
            step.message = fmt::format("the root has no usable directory {}: {}", one.target,
                                       moved.error().message());
        }
    if (::chdir("/") < 0) step.ok = false;
    // What cannot be removed costs memory and nothing else.
    if (step.ok && current == sys::RootKind::memory) (void)sys::empty_directory(old_root->get());
    return step;
}

Step note(std::string message) {
    return {.name = "root", .ok = false, .fatal = false, .message = std::move(message)};
}

} // namespace

EnteredRoot enter_root(const proto::RootConfig& config) {
    EnteredRoot entered;
    if (config.source.empty() && config.overlay.empty()) return entered;
    const sys::Result<sys::RootKind> current = sys::root_kind();
    if (!current) {
        entered.report.add("root", current.error());
        return entered;
    }
    const bool on_disk = *current == sys::RootKind::lasting;
    if (on_disk && !config.source.empty())
        entered.report.add(
            note("the kernel has mounted a root; '" + config.source + "' is not mounted"));
    if (on_disk && config.overlay.empty()) return entered;
    if (!on_disk && config.source.empty()) {
        entered.report.add(note("an overlay needs a root to lie on, and none is configured"));
        return entered;
    }
    if (!mount_new_root(config, *current, entered.report)) return entered;
    entered.report.add(switch_to_new_root(*current));
    if (entered.report.fatal() == nullptr) entered.outcome = RootOutcome::switched;
    return entered;
}

} // namespace rouse::boot
