#pragma once
// An agent under attack, and witnesses who use it all the while.

#include "tests/process/agent.hpp"
#include "tests/support/prober.hpp"

#include <functional>
#include <string>
#include <vector>

namespace rouse::test {

class HostileScene {
public:
    /// `environment`: added to ours for the agent.
    explicit HostileScene(Environment environment = {});
    HostileScene(const HostileScene&) = delete;
    HostileScene& operator=(const HostileScene&) = delete;
    ~HostileScene();

    [[nodiscard]] const Endpoint& endpoint() const { return agent_.endpoint(); }
    [[nodiscard]] const std::filesystem::path& folder() const { return place_.folder(); }

    /// Lets `attack` happen. What went wrong, a line each: what it tells itself, a witness that was
    /// not served or had to wait, and descriptors that the agent did not give back.
    [[nodiscard]] std::vector<std::string>
    survive(const std::function<std::vector<std::string>()>& attack);

    /// Connections that the witnesses hold. Commands make more of them, unless they rest.
    static constexpr std::size_t witness_connections = 2;
    void rest_commands() { commands_.freeze(); }
    void resume_commands() { commands_.thaw(); }

private:
    struct Witness {
        std::string name;
        Prober& prober;
    };

    [[nodiscard]] std::vector<Witness> witnesses();
    /// Of the agent while no command of a witness runs.
    [[nodiscard]] std::size_t descriptors();
    void await_witnesses();
    void await_descriptors(std::size_t count);

    AgentPlace place_;
    Agent agent_;
    EchoProber echo_;
    HttpProber http_;
    ExecProber commands_;
};

} // namespace rouse::test
