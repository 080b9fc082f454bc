#include "tools/lab/places.hpp"

#include "tools/lab/error.hpp"
#include "tools/lab/process.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include <sys/stat.h>
#include <unistd.h>

namespace rouse::lab {
namespace {

/// The value of an environment variable; empty when unset.
std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

bool is_fetched(const std::string& name) {
    if (name == "vsock") return std::filesystem::exists(vsock_daemon());
    if (name == "virtiofsd") return std::filesystem::exists(virtiofs_daemon());
    return std::filesystem::exists(kernel_folder(name) / "vmlinuz");
}

constexpr auto fetch_limit = std::chrono::minutes(15);

void run_fetcher(const std::vector<std::string>& command) {
    Process fetcher = Process::start({.argv = command, .standard_output = STDERR_FILENO});
    const auto status = fetcher.wait(Deadline(fetch_limit));
    if (!status || status->shell_code() != 0)
        throw LabError(fmt::format("'{}' failed: {}", fmt::join(command, " "),
                                   status ? status->text() : "it took too long"));
}

} // namespace

std::filesystem::path cache_folder() {
    if (const auto chosen = environment("ROUSE_CACHE"); !chosen.empty()) return chosen;
    if (const auto caches = environment("XDG_CACHE_HOME"); !caches.empty())
        return caches + "/rouse";
    const auto home = environment("HOME");
    return (home.empty() ? "/tmp" : home) + "/.cache/rouse";
}

std::filesystem::path state_folder() {
    std::filesystem::path folder = environment("ROUSE_LAB_DIR");
    if (folder.empty()) {
        const auto runtime = environment("XDG_RUNTIME_DIR");
        folder = (runtime.empty() ? "/tmp" : runtime) + "/rouse-lab";
    }
    std::error_code error;
    std::filesystem::create_directories(folder.parent_path(), error);
    // /tmp is everyone's: the folder must be ours before sockets of ours go into it.
    if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
        throw LabError(fmt::format("cannot make '{}': {}; set ROUSE_LAB_DIR to a folder of yours",
                                   folder.string(), errno_text(errno)));
    struct stat status {};
    if (lstat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) ||
        status.st_uid != geteuid())
        throw LabError(fmt::format("'{}' belongs to someone else; set ROUSE_LAB_DIR to a folder of "
                                   "yours",
                                   folder.string()));
    return folder;
}

std::filesystem::path build_product(std::string_view relative) {
    return std::filesystem::path(ROUSE_BUILD_ROOT) / relative;
}

std::filesystem::path source_root() {
    return ROUSE_SOURCE_ROOT;
}

const std::vector<std::string>& kernel_names() {
    static const std::vector<std::string> names{"6.1", "6.12", "7.2", "l1"};
    return names;
}

std::filesystem::path kernel_folder(const std::string& name) {
    if (name.find('/') != std::string::npos) return name;
    return cache_folder() / "kernels" / name;
}

void fetch(const std::vector<std::string>& names) {
    std::vector<std::string> command{source_root() / "tools/lab/fetch-kernel"};
    for (const auto& name : names) {
        const auto& known = kernel_names();
        if (name.find('/') == std::string::npos && name != "vsock" && name != "virtiofsd" &&
            std::find(known.begin(), known.end(), name) == known.end())
            throw LabError(
                fmt::format("unknown kernel '{}': there are {}", name, fmt::join(known, ", ")));
        if (!is_fetched(name)) command.push_back(name);
    }
    if (command.size() == 1) return;
    run_fetcher(command);
}

RootfsFiles debian_rootfs() {
    const auto folder = cache_folder() / "rootfs";
    RootfsFiles files{.archive = folder / "debian.tar", .image = folder / "debian.ext4"};
    if (!std::filesystem::exists(files.archive) || !std::filesystem::exists(files.image))
        run_fetcher({source_root() / "tools/lab/fetch-rootfs", "debian"});
    return files;
}

std::filesystem::path virtiofs_daemon() {
    return cache_folder() / "virtiofsd";
}

std::filesystem::path vsock_daemon() {
    return cache_folder() / "vhost-device-vsock";
}

} // namespace rouse::lab
