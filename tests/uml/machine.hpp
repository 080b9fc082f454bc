#pragma once
// A virtual machine of user-mode Linux: a process of this machine's user, with a virtio-vsock
// device that somebody else serves.

#include "tools/lab/console.hpp"
#include "tools/lab/process.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

namespace rouse::uml {

/// The image of a guest: the release agent as /init, vsock, busybox, rouse-payload, and `config`
/// as its configuration. Blocks for some tenths of a second. Throws std::runtime_error that says
/// what is missing and how it is installed.
void write_image(const std::filesystem::path& image, const std::string& config);

/// Whether a machine gets a PID namespace of its own, which takes root. Then the kernel ends all of
/// its processes with the program that booted it, however that ends; if not, they stay behind when
/// that is killed, which is said on standard error, once.
[[nodiscard]] bool has_pid_namespace();

class Machine {
public:
    /// Boots `image`. FOLDER/device has to be listened on. What the kernel and the agent print goes
    /// to FOLDER/console. Throws lab::LabError when user-mode Linux is not installed.
    Machine(const std::filesystem::path& folder, const std::filesystem::path& image);
    Machine(Machine&&) = delete;
    /// Kills it and everything that it started.
    ~Machine();

    [[nodiscard]] const lab::Console& console() const { return console_; }
    /// Whether it ends by itself before the deadline.
    [[nodiscard]] bool ends_within(std::chrono::milliseconds limit);
    [[nodiscard]] bool alive() { return !process_.status(); }

private:
    lab::Console console_;
    lab::Process process_;
    pid_t group_ = 0;
};

} // namespace rouse::uml
