// A child process that does not outlive its owner.
#pragma once

#include "tools/lab/deadline.hpp"
#include "tools/lab/descriptor.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace rouse::lab {

/// How a process ended.
struct ExitStatus {
    int code = 0;   // meaningful when signal is 0
    int signal = 0; // the signal that killed it, or 0

    /// The status in the form of a shell: the code, or 128 plus the signal.
    [[nodiscard]] int shell_code() const { return signal != 0 ? 128 + signal : code; }

    /// "exit status 3" or "signal 9 (Killed)".
    [[nodiscard]] std::string text() const;
};

struct ProcessOptions {
    /// The program, looked up in PATH, and its arguments.
    std::vector<std::string> argv;
    /// Receives standard output and standard error, appended; inherited when empty.
    std::filesystem::path log = {};
    /// Standard output goes here when 0 or more; borrowed.
    int standard_output = -1;
    /// Standard error goes here when 0 or more; borrowed.
    int standard_error = -1;
    /// Added to the environment.
    std::vector<std::pair<std::string, std::string>> environment = {};
};

/// Owns a child. The child has /dev/null as standard input, no other descriptor of ours, its own
/// session, so that Ctrl-C at the terminal reaches only us, and is killed by the kernel when the
/// thread that started it ends, by whatever cause. Destruction kills and reaps it.
class Process {
public:
    /// Starts a program. Errors: LabError naming the program and the reason, as when it does not
    /// exist.
    [[nodiscard]] static Process start(const ProcessOptions& options);

    /// No process: as if it had been reaped.
    Process() = default;
    Process(Process&& other) noexcept;
    Process& operator=(Process&& other) noexcept;
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process();

    /// The process id; 0 once it was reaped.
    [[nodiscard]] pid_t pid() const { return pid_; }

    /// Becomes readable when the process ends; borrowed.
    [[nodiscard]] int exit_descriptor() const { return pidfd_.get(); }

    /// How it ended, or nothing while it runs. Never blocks.
    [[nodiscard]] std::optional<ExitStatus> status();

    /// Waits for the end; nothing when `deadline` comes first.
    [[nodiscard]] std::optional<ExitStatus> wait(Deadline deadline);

    /// Sends a signal; does nothing once the process was reaped.
    void signal(int number);

    /// Asks by SIGTERM, kills after `grace`, reaps.
    void stop(std::chrono::milliseconds grace);

private:
    Process(pid_t pid, Descriptor pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

    void kill_and_reap() noexcept;

    pid_t pid_ = 0;
    Descriptor pidfd_;
    std::optional<ExitStatus> status_;
};

} // namespace rouse::lab
