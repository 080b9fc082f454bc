#pragma once
// A guest in which a short command is run by the agent and by its peers: socat behind a vsock port,
// and an SSH server that is reached over vsock by one master connection of OpenSSH.

#include "tools/benchmark/exec/round_trip.hpp"
#include "tools/lab/directory.hpp"
#include "tools/lab/machine.hpp"

#include <string>
#include <vector>

namespace rouse::bench {

class GuestPeers {
public:
    /// Boots the guest and starts both peers. Errors: lab::LabError, std::runtime_error.
    explicit GuestPeers(const std::string& kernel);

    /// One new connection, or one `rousectl exec`, for each /bin/true.
    void run_by_agent();
    void run_by_rousectl();
    /// The peers'.
    void run_by_socat();
    void run_by_ssh();
    /// posix_spawn(3) and waitpid(2) in the guest, microseconds, the median of `count`.
    [[nodiscard]] double spawn_time(unsigned count);

private:
    [[nodiscard]] std::vector<std::string> rousectl(std::vector<std::string> words) const;
    [[nodiscard]] std::vector<std::string> ssh(const std::vector<std::string>& words) const;
    /// Runs a command in the guest for as long as we live.
    void start_in_guest(const std::vector<std::string>& argv, const std::string& log);
    void start_master();

    lab::Directory directory_;
    lab::Machine machine_;
    AgentCaller agent_;
    std::vector<lab::Process> processes_; ///< end before their machine
};

} // namespace rouse::bench
