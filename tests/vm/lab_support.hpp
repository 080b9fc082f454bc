// Guests and host commands for the tests of the lab itself. These guests run busybox instead of the
// agent: the lab must tell how a guest fails even when the agent is what fails.
#pragma once

#include "tests/support/command.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tools/lab/options.hpp"
#include "tools/lab/process.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace rouse::test {

/// The number that `text` begins with; 0 without one.
pid_t leading_pid(std::string_view text);

/// An init of a few lines of shell: modules, the ready line, then `body`.
class ShellGuest {
public:
    explicit ShellGuest(const std::string& body);

    /// Options that boot it and wait for its ready line on the console.
    [[nodiscard]] lab::MachineOptions options() const;

    [[nodiscard]] std::filesystem::path init() const { return folder_.path() / "init"; }

private:
    TemporaryDirectory folder_;
};

/// rouse-lab with a state folder of its own.
class LabCommand {
public:
    /// Runs it to its end, for at most a minute.
    [[nodiscard]] Said run(std::vector<std::string> arguments) const;

    /// Starts it; its output goes to files.
    [[nodiscard]] lab::Process start(std::vector<std::string> arguments) const;

    [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path(); }

    /// Names of what is in the state folder.
    [[nodiscard]] std::vector<std::string> left_files() const;

    /// Processes whose command line names the state folder; zombies have none.
    [[nodiscard]] std::vector<pid_t> left_processes() const;

private:
    [[nodiscard]] static std::vector<std::string> argv(std::vector<std::string> arguments);
    [[nodiscard]] Environment environment() const;

    TemporaryDirectory folder_;
    TemporaryDirectory output_;
};

} // namespace rouse::test
