#pragma once
// `rouse run`: the agent without a virtual machine.

#include "tests/support/command.hpp"
#include "tests/support/endpoint.hpp"
#include "tests/support/temporary_directory.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace rouse::test {

/// The payload's arguments, its program first.
[[nodiscard]] std::vector<std::string> payload(std::vector<std::string> words);

/// The agent's binary with arguments.
[[nodiscard]] std::vector<std::string> rouse(std::vector<std::string> arguments);

/// A configuration under which no output is ever lost: for tests that compare all of it.
inline const std::string blocking_output =
    R"({"output": {"stdout": {"policy": "block"}, "stderr": {"policy": "block"}}})";

/// A directory with room for an agent's socket.
class AgentPlace {
public:
    [[nodiscard]] std::filesystem::path socket() const { return folder_.path() / "agent"; }
    [[nodiscard]] Endpoint endpoint() const { return Endpoint::plain(socket()); }
    [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path(); }

private:
    TemporaryDirectory folder_;
};

/// A running `rouse run --socket …`. Told to end when it is destroyed; then it has to do so in
/// order, without a word of a sanitizer.
class Agent {
public:
    /// Starts it with this workload, and returns when it answers. `config`: a configuration file.
    /// `environment`: added to ours.
    Agent(const AgentPlace& place, const std::vector<std::string>& workload,
          const std::string& config = {}, Environment environment = {});

    Agent(const Agent&) = delete;
    Agent& operator=(const Agent&) = delete;
    ~Agent();

    [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }
    [[nodiscard]] Command& command() { return command_; }

    /// Sends it a signal.
    void signal(int number) { command_.process().signal(number); }

    /// Waits for its end.
    [[nodiscard]] Said finish(std::chrono::milliseconds limit = patience) {
        return command_.finish(limit);
    }

private:
    Endpoint endpoint_;
    Command command_;
};

} // namespace rouse::test
