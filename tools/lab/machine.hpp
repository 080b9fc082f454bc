// A real virtual machine, from power-on or restore to its end.
#pragma once

#include "tools/lab/console.hpp"
#include "tools/lab/directory.hpp"
#include "tools/lab/options.hpp"
#include "tools/lab/process.hpp"
#include "tools/lab/qemu.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rouse::lab {

/// Owns one running virtual machine with all its processes and sockets; destruction ends them.
/// All calls block up to their deadline and throw LabError with the end of the console when the
/// machine dies, panics or hangs. Not thread-safe, and the thread that made a machine has to
/// outlive it: the kernel ends the machine with that thread.
///
///     lab::MachineOptions options;
///     options.kernel = "6.1";
///     options.config = R"({"workload": {"argv": ["/bin/sh", "-c", "echo hello"]}})";
///     lab::Machine machine = lab::Machine::boot(options);
///     machine.snapshot("/tmp/one");
class Machine {
public:
    /// Builds the image, powers on and waits until the guest is ready.
    [[nodiscard]] static Machine boot(const MachineOptions& options);

    /// Starts a new machine from a snapshot: new process, new CID, new VM generation id. The
    /// restore document is written before the machine continues. The rig is the snapshot's.
    [[nodiscard]] static Machine restore(const RestoreOptions& options);

    Machine(Machine&&) noexcept = default;
    Machine& operator=(Machine&&) = delete;
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;
    ~Machine();

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] Rig rig() const { return plan_.rig; }
    [[nodiscard]] std::uint32_t cid() const { return plan_.cid; }
    [[nodiscard]] const MachineFiles& files() const { return plan_.files; }

    /// The VM generation id, also the generation in the restore document.
    [[nodiscard]] const std::string& generation() const { return plan_.generation; }

    /// What host tools take as -H: "unix:DIRECTORY/v.sock" or "vsock:CID".
    [[nodiscard]] std::string target() const;

    /// What a restored machine was told about itself, without the time: generation, entropy, and
    /// what RestoreOptions::document added. Empty for a machine that was booted.
    [[nodiscard]] const boost::json::object& document() const { return document_; }

    /// From power-on (or the start of the restore) to ready.
    [[nodiscard]] std::chrono::milliseconds ready_after() const { return ready_after_; }

    [[nodiscard]] const Console& console() const { return console_; }

    /// Everything that the console printed so far.
    [[nodiscard]] std::string console_text() const { return console_.text(); }

    /// Waits until the console printed `text`.
    void wait_console(std::string_view text, std::chrono::milliseconds limit);

    /// Waits until GET /v1/status is answered with 200.
    void wait_answer(std::chrono::milliseconds limit);

    /// Saves the machine into `file`, which appears complete or not at all. What the guest said
    /// when it was prepared (proto/README.md, Prepared); nothing when it was not.
    /// Errors: LabError, also when the guest says that it cannot be prepared; it goes on then.
    std::optional<boost::json::object> snapshot(const std::filesystem::path& file,
                                                const SnapshotOptions& options = {});

    /// Whether the machine runs.
    [[nodiscard]] bool alive() { return !qemu_.status(); }

    /// Becomes readable when the machine ends; borrowed.
    [[nodiscard]] int exit_descriptor() const { return qemu_.exit_descriptor(); }

    /// Waits for the guest to power itself off.
    /// Errors: LabError when it panicked, when QEMU failed, or when it still runs after `limit`.
    void wait_exit(std::chrono::milliseconds limit);

    /// How a machine that is no longer alive ended, for people: "powered off", "kernel panic", …
    [[nodiscard]] std::string end_reason();

    /// Ends all processes of the machine at once, as a power cut would.
    void kill();

private:
    Machine(std::string name, Directory directory, QemuPlan plan);

    void start_collector(const std::filesystem::path& output, Deadline deadline);
    void check_collector();
    void start_devices(Deadline deadline);
    void start_qemu();
    void load(const RestoreOptions& options, Deadline deadline);
    void wait_ready(Ready ready, Deadline deadline);
    void unplug_vsock(class Qmp& control, Deadline deadline);
    void plug_vsock(class Qmp& control, Deadline deadline);
    void save(const std::filesystem::path& file, class Qmp& control, Deadline deadline);
    /// Lets the vCPUs run; returns when the guest may be dialled.
    void go_on(class Qmp& control, Deadline deadline);
    void resume_source(class Qmp& control, Deadline deadline);
    void tell_prepared(const boost::json::object& prepared, Deadline deadline);
    [[nodiscard]] std::filesystem::path
    document_place(const std::filesystem::path& directory) const;
    [[noreturn]] void fail(const std::string& what);

    // The order matters: processes end before their directory goes, QEMU before its device.
    std::string name_;
    Directory directory_;
    QemuPlan plan_;
    Console console_;
    std::string kernel_;
    boost::json::object document_;
    std::optional<Process> vsock_;
    std::vector<Process> shares_;
    std::optional<Process> collector_;
    Process qemu_;
    std::chrono::steady_clock::time_point power_on_;
    std::chrono::milliseconds ready_after_{0};
};

} // namespace rouse::lab
