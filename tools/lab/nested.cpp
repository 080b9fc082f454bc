#include "tools/lab/nested.hpp"

#include "initramfs/file.hpp"
#include "initramfs/image.hpp"
#include "tools/lab/console.hpp"
#include "tools/lab/directory.hpp"
#include "tools/lab/error.hpp"
#include "tools/lab/places.hpp"
#include "tools/lab/process.hpp"
#include "tools/lab/relay.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>
#include <string>

#include <poll.h>
#include <unistd.h>

namespace rouse::lab {
namespace {

constexpr auto boot_limit = std::chrono::seconds(90);
constexpr auto power_off_limit = std::chrono::seconds(10);
constexpr std::size_t panic_lines = 120; // from its reason to the end of its trace

/// What loads at boot, after what it depends on. An emulated processor has AMD's virtualisation.
const std::vector<std::string> modules{"9p", "9pnet_virtio", "kvm_amd", "vhost_vsock",
                                       "virtio_console"};

std::string build_image(const NestedCommand& command, const std::filesystem::path& folder) {
    const auto script = folder / "init";
    initramfs::write_file(script, nested_init_script(command));
    initramfs::ImageOptions image;
    image.init = script;
    image.kernel = kernel_folder("l1");
    image.modules = modules;
    image.extra_modules.clear();
    image.compression = initramfs::Compression::none; // as for any guest
    return initramfs::build_image(image);
}

std::vector<std::string> share(std::string_view id, const std::filesystem::path& path,
                               std::string_view tag, std::string_view mode) {
    // Several file systems of this machine lie below the root: remap keeps their inodes apart.
    return {"-fsdev",
            fmt::format("local,id={},path={},security_model=none,multidevs=remap{}", id,
                        path.string(), mode),
            "-device", fmt::format("virtio-9p-pci,fsdev={},mount_tag={}", id, tag)};
}

std::vector<std::string> port(NestedPort number, const std::filesystem::path& socket) {
    const int nr = static_cast<int>(number);
    // QEMU waits for us on each: nothing is printed before we listen.
    return {"-chardev",
            fmt::format("socket,id=port{},path={},server=on,wait=on", nr, socket.string()),
            "-device", fmt::format("virtserialport,bus=serial.0,nr={0},chardev=port{0}", nr)};
}

std::filesystem::path port_socket(const std::filesystem::path& folder, NestedPort number) {
    return folder / fmt::format("port{}", static_cast<int>(number));
}

constexpr std::array<NestedPort, 3> ports{NestedPort::standard_output, NestedPort::standard_error,
                                          NestedPort::status};

std::vector<std::string> outer_command(const NestedOptions& options,
                                       const std::filesystem::path& folder) {
    std::vector<std::string> command{"qemu-system-x86_64",
                                     "-M",
                                     "q35",
                                     "-accel",
                                     "tcg,thread=multi",
                                     "-cpu",
                                     "max",
                                     "-smp",
                                     std::to_string(options.processors),
                                     "-m",
                                     std::to_string(options.memory),
                                     "-nodefaults",
                                     "-no-user-config",
                                     "-no-reboot",
                                     "-nographic",
                                     "-serial",
                                     fmt::format("file:{}", (folder / "console").string()),
                                     "-kernel",
                                     kernel_folder("l1") / "vmlinuz",
                                     "-initrd",
                                     folder / "image",
                                     "-append",
                                     "console=ttyS0 quiet panic=-1 nokaslr rdinit=/init",
                                     "-device",
                                     "virtio-serial-pci,id=serial"};
    const auto append = [&](const std::vector<std::string>& more) {
        command.insert(command.end(), more.begin(), more.end());
    };
    append(share("root", "/", root_tag, ",readonly=on"));
    if (!options.command.writable.empty())
        append(share("writable", options.command.writable, writable_tag, ""));
    for (const NestedPort number : ports)
        append(port(number, port_socket(folder, number)));
    return command;
}

/// A running outer VM.
class Outer {
public:
    Outer(const NestedOptions& options, const std::filesystem::path& folder)
        : limit_(options.limit), deadline_(boot_limit), interrupt_(options.interrupt),
          log_(folder / "log"), console_(folder / "console"),
          qemu_(Process::start({.argv = outer_command(options, folder), .log = log_})) {
        for (const NestedPort number : ports)
            connections_.at(index(number)) = connect(port_socket(folder, number));
    }

    /// Copies until the command's status is known.
    NestedResult run() {
        for (;;) {
            std::array<pollfd, 5> ready{
                entry(NestedPort::standard_output), entry(NestedPort::standard_error),
                entry(NestedPort::status),
                pollfd{.fd = qemu_.exit_descriptor(), .events = POLLIN, .revents = 0},
                pollfd{.fd = interrupt_, .events = POLLIN, .revents = 0}};
            (void)poll(ready.data(), ready.size(), deadline_.poll_timeout());
            if (ready[4].revents != 0) return {.end = NestedEnd::interrupted, .status = 0};
            copy(NestedPort::standard_output, STDOUT_FILENO);
            copy(NestedPort::standard_error, STDERR_FILENO);
            read_status();
            if (status_) return finish();
            if (const auto ended = qemu_.status())
                fail(fmt::format("ended before the command did: {}\n{}", ended->text(),
                                 initramfs::read_file(log_)));
            if (deadline_.expired())
                fail(booted_ ? "ran into the time limit" : "did not start in time");
        }
    }

private:
    static std::size_t index(NestedPort number) { return static_cast<std::size_t>(number) - 1; }

    Descriptor connect(const std::filesystem::path& socket) {
        for (;;) {
            if (auto connection = connect_unix(socket)) return std::move(*connection);
            if (qemu_.status()) fail("did not start: " + initramfs::read_file(log_));
            if (deadline_.expired()) fail("did not start in time");
            wait_to_retry(deadline_);
        }
    }

    [[nodiscard]] pollfd entry(NestedPort number) const {
        return {.fd = connections_.at(index(number)).get(), .events = POLLIN, .revents = 0};
    }

    void copy(NestedPort from, int to) {
        auto& connection = connections_.at(index(from));
        if (!copy_available(connection.get(), to)) connection.reset();
    }

    void read_status() {
        auto& connection = connections_.at(index(NestedPort::status));
        if (!read_available(connection.get(), words_)) connection.reset();
        if (!booted_ && words_.find("ready\n") != std::string::npos) {
            booted_ = true;
            deadline_ = Deadline(limit_);
        }
        if (const auto at = words_.find("failed: "); at != std::string::npos)
            fail("could not be set up: " + words_.substr(at));
        const auto at = words_.find("exit ");
        if (at == std::string::npos || words_.find('\n', at) == std::string::npos) return;
        int status = 0;
        std::from_chars(words_.data() + at + 5, words_.data() + words_.size(), status);
        status_ = status;
    }

    /// The status is known; what the command printed before may still be on its way.
    NestedResult finish() {
        const Deadline deadline(power_off_limit);
        while (!qemu_.status() && !deadline.expired()) {
            std::array<pollfd, 3> ready{
                entry(NestedPort::standard_output), entry(NestedPort::standard_error),
                pollfd{.fd = qemu_.exit_descriptor(), .events = POLLIN, .revents = 0}};
            (void)poll(ready.data(), ready.size(), deadline.poll_timeout());
            copy(NestedPort::standard_output, STDOUT_FILENO);
            copy(NestedPort::standard_error, STDERR_FILENO);
        }
        copy(NestedPort::standard_output, STDOUT_FILENO);
        copy(NestedPort::standard_error, STDERR_FILENO);
        return {.end = NestedEnd::exited, .status = status_.value_or(0)};
    }

    [[noreturn]] void fail(const std::string& what) {
        throw LabError(fmt::format("the outer VM {}; the end of its console:\n{}", what,
                                   console_.tail(panic_lines)));
    }

    std::chrono::milliseconds limit_;
    Deadline deadline_; // of the boot, then of the command
    int interrupt_;
    std::filesystem::path log_;
    Console console_;
    Process qemu_;
    std::array<Descriptor, ports.size()> connections_;
    std::string words_; // what the status port said
    bool booted_ = false;
    std::optional<int> status_;
};

} // namespace

NestedResult run_nested(const NestedOptions& options) {
    fetch({"l1"});
    const Directory folder = Directory::temporary("nested");
    initramfs::write_file(folder.path() / "image", build_image(options.command, folder.path()));
    Outer outer(options, folder.path());
    return outer.run();
}

} // namespace rouse::lab
