#pragma once
// Where relays are measured: natively over Unix sockets, and in guests over vsock.

#include "tools/benchmark/relay/lane.hpp"
#include "tools/lab/directory.hpp"
#include "tools/lab/machine.hpp"

#include <string>
#include <vector>

namespace rouse::bench {

/// How the agent's large frames leave; the words of its configuration.
constexpr const char* by_default = "auto";
constexpr const char* by_splice = "splice";
constexpr const char* by_copy = "copy";

/// The configuration of an agent whose output loses nothing and leaves by `send`; `workload` is its
/// argv, empty when that is not the configuration's to say.
[[nodiscard]] std::string agent_config(const std::string& send,
                                       const std::vector<std::string>& workload);

/// For an agent or a peer to connect.
constexpr auto start_limit = std::chrono::seconds(30);

/// The name of an agent's lane.
[[nodiscard]] std::string agent_name(const std::string& send);

/// The one lane whose writes are longer than what every kernel gets through the lab's vsock device.
constexpr const char* long_packets = "socat -b 65536";

/// Agents and peers on this machine, on one processor.
class NativePlace {
public:
    NativePlace();

    /// In the order in which they take turns; the agent as it is by default comes first.
    [[nodiscard]] std::vector<Lane>& lanes() { return lanes_; }

private:
    void add_agent(const std::string& send);
    void add_peer(std::string name, const std::vector<std::string>& argv,
                  const std::string& number);

    lab::Directory directory_;
    std::vector<Lane> lanes_;
};

/// Two guests of one kernel: one with the agent as it is by default and the peers, one with an
/// agent that sends by `other`.
class GuestPlace {
public:
    GuestPlace(std::string kernel, const std::string& other);

    [[nodiscard]] std::vector<Lane>& lanes() { return lanes_; }

private:
    void add_agent(const std::string& send);
    /// Starts `relay`, which connects to `port` of the host, and its workload to the next one.
    void add_peer(std::string name, const std::vector<std::string>& relay, unsigned port);

    std::string kernel_;
    std::vector<lab::Machine> machines_;
    std::vector<Lane> lanes_; ///< end before their machines
};

} // namespace rouse::bench
