#pragma once
// Programs of the host that a test runs: rousectl, rouse, rouse-lab.

#include "tools/lab/process.hpp"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace rouse::test {

/// What a command said and how it ended.
struct Said {
    int status = 0; ///< in the form of a shell
    std::string output;
    std::string error;
};

using Environment = std::vector<std::pair<std::string, std::string>>;

/// A command that runs, with its output going to files. Killed when it is destroyed.
class Command {
public:
    /// Starts `argv`. Throws lab::LabError when there is no such program.
    explicit Command(std::vector<std::string> argv, Environment environment = {});

    [[nodiscard]] lab::Process& process() { return process_; }
    [[nodiscard]] std::string output() const;
    [[nodiscard]] std::string error() const;

    /// Waits for its end. Throws std::runtime_error with what it said after `limit`.
    [[nodiscard]] Said finish(std::chrono::milliseconds limit);

private:
    std::string name_;
    lab::Descriptor output_; // files without names
    lab::Descriptor error_;
    lab::Process process_;
};

/// Runs a command to its end.
[[nodiscard]] Said run_command(std::vector<std::string> argv, std::chrono::milliseconds limit,
                               Environment environment = {});

/// Runs commands, up to `width` at once; what they said, in their order.
[[nodiscard]] std::vector<Said> run_commands(const std::vector<std::vector<std::string>>& commands,
                                             std::size_t width, std::chrono::milliseconds limit);

} // namespace rouse::test
