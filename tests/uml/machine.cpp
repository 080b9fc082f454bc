#include "tests/uml/machine.hpp"

#include "initramfs/file.hpp"
#include "initramfs/image.hpp"
#include "tools/lab/error.hpp"
#include "tools/lab/places.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <iostream>
#include <vector>

#include <sys/prctl.h>
#include <sys/wait.h>

namespace rouse::uml {
namespace {

constexpr const char* program = "/usr/bin/linux.uml";
constexpr const char* module_root = "/usr/lib/uml/modules";
constexpr int vsock_device = 19; // VIRTIO_ID_VSOCK
constexpr const char* remedy = "tools/provision uml installs user-mode Linux";

/// The kernel's version: its modules are in the directory of that name.
std::string kernel_version() {
    std::error_code missing;
    for (const auto& entry : std::filesystem::directory_iterator(module_root, missing))
        if (std::filesystem::exists(entry.path() / "modules.dep"))
            return entry.path().filename().string();
    throw lab::LabError(fmt::format("there are no modules in {}: {}", module_root, remedy));
}

/// The package's modules in the layout of a kernel store.
void write_kernel_folder(const std::filesystem::path& folder) {
    std::filesystem::create_directories(folder / "lib");
    initramfs::write_file(folder / "version", kernel_version() + "\n");
    std::filesystem::create_directory_symlink(module_root, folder / "lib/modules");
}

lab::ProcessOptions boot_command(const std::filesystem::path& folder,
                                 const std::filesystem::path& image) {
    if (!std::filesystem::exists(program))
        throw lab::LabError(fmt::format("there is no {}: {}", program, remedy));
    lab::ProcessOptions options;
    // The first process of a PID namespace takes all others with it. (unshare: util-linux)
    if (has_pid_namespace()) options.argv = {"unshare", "--pid", "--fork", "--kill-child", "--"};
    const std::vector<std::string> kernel = {
        program,
        "mem=160M",
        fmt::format("initrd={}", image.string()),
        "rdinit=/init",
        "con=null",
        "con0=null,fd:1",
        "panic=-1",
        "quiet",
        fmt::format("virtio_uml.device={}:{}:0", (folder / "device").string(), vsock_device),
        // Its control socket and pid file: here instead of in somebody's home directory.
        fmt::format("uml_dir={}/", folder.string()),
        "umid=guest",
    };
    options.argv.insert(options.argv.end(), kernel.begin(), kernel.end());
    options.log = folder / "console";
    // The memory is a file without a name, in /dev/shm by default; HOME would get a directory.
    options.environment = {{"HOME", folder.string()}};
    return options;
}

} // namespace

void write_image(const std::filesystem::path& image, const std::string& config) {
    const std::filesystem::path kernel = image.string() + ".kernel";
    write_kernel_folder(kernel);
    initramfs::ImageOptions options;
    options.init = lab::build_product("agent/rouse");
    options.kernel = kernel;
    options.modules = {"vmw_vsock_virtio_transport"};
    options.config = config;
    options.files.push_back({.source = lab::build_product("tests/payload/rouse-payload"),
                             .destination = "bin/rouse-payload",
                             .mode = 0755});
    options.compression = initramfs::Compression::none;
    initramfs::write_file(image, initramfs::build_image(options));
}

bool has_pid_namespace() {
    static const bool has = [] {
        lab::Process probe = lab::Process::start({.argv = {"unshare", "--pid", "--fork", "true"}});
        const auto ended = probe.wait(lab::Deadline(std::chrono::seconds(10)));
        if (ended && ended->shell_code() == 0) return true;
        std::cerr << "user-mode Linux runs without a PID namespace, which takes root: if this "
                     "program is killed, processes of its guests stay behind\n";
        return false;
    }();
    return has;
}

Machine::Machine(const std::filesystem::path& folder, const std::filesystem::path& image)
    : console_(folder / "console") {
    // The guest's processes are processes of this machine, children of the kernel's; the kernel may
    // be a child of unshare. What an end orphans comes to us, not to an init that may not reap.
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1); // cannot fail
    process_ = lab::Process::start(boot_command(folder, image));
    group_ = process_.pid();
}

Machine::~Machine() {
    // All of them are in the group of the one that was started.
    (void)kill(-group_, SIGKILL); // they may be gone: then all is well
    process_ = lab::Process();    // which reaps it
    siginfo_t ended{};
    while (waitid(P_PGID, static_cast<id_t>(group_), &ended, WEXITED) == 0 || errno == EINTR) {
    }
}

bool Machine::ends_within(std::chrono::milliseconds limit) {
    return process_.wait(lab::Deadline(limit)).has_value();
}

} // namespace rouse::uml
