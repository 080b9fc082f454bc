#pragma once
// An agent whose workload writes, and the scripted host that takes its output.

#include "tests/process/agent.hpp"
#include "tests/support/scripted_host.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rouse::test {

/// Both streams have dialled when it is there; neither is welcomed.
class OutputScene {
public:
    explicit OutputScene(const std::vector<std::string>& workload,
                         const std::string& config = blocking_output,
                         const Environment& environment = {});
    OutputScene(const OutputScene&) = delete;
    OutputScene& operator=(const OutputScene&) = delete;
    /// The host goes first: an agent that knows it gone does not wait for it.
    ~OutputScene();

    [[nodiscard]] const Endpoint& guest() const { return agent_.endpoint(); }
    [[nodiscard]] ScriptedHost& host() { return *host_; }
    /// The first connections.
    [[nodiscard]] OutputConnection& out() { return *out_; }
    [[nodiscard]] OutputConnection& err() { return *err_; }

    /// Takes stdout from here to its end, over as many connections as the agent makes; the first
    /// one is welcomed already. Throws std::runtime_error after `limit`.
    [[nodiscard]] ReceivedSequence take_out(std::chrono::milliseconds limit = patience);

private:
    AgentPlace place_;
    std::unique_ptr<ScriptedHost> host_;
    Agent agent_;
    std::optional<OutputConnection> out_;
    std::optional<OutputConnection> err_;
};

} // namespace rouse::test
