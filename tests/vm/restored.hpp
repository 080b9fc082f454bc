// What must hold in a machine that was restored from a snapshot.
#pragma once

#include "tests/vm/scenes.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace rouse::test {

/// Options that boot the agent over genuine vhost-vsock, in 128 MiB.
[[nodiscard]] lab::MachineOptions genuine_options(const std::string& kernel, std::string config);

/// Waits until both streams of a generation have their output connection.
void wait_output(const Collected& collected, const std::string& generation);

/// What arrived of a stream is its sequence, from where the record says that it starts.
void check_sequence(const Collected& collected, const std::string& generation,
                    const std::string& stream, std::uint64_t number);

/// Ten commands at once, none of them tried twice; how long the slowest took.
std::chrono::milliseconds check_parallel_execs(const std::string& target);

/// How far the guest's wall clock is from ours: what the fastest of several questions says. Each is
/// right to half of its round trip.
struct ClockOffset {
    std::chrono::microseconds offset{};     ///< the guest's minus ours
    std::chrono::microseconds round_trip{}; ///< of that question
    std::chrono::microseconds slowest{};    ///< of all of them: what the way may take here
};
[[nodiscard]] ClockOffset clock_offset(const Endpoint& endpoint);

/// How far the output of an incarnation had come.
struct Incarnation {
    std::string generation;
    std::map<std::string, std::uint64_t>
        end; ///< by stream: behind the last byte that was collected
    bool flushed =
        false; ///< it was prepared for its snapshot, and nothing was left to be collected
};

/// How far it has come now.
[[nodiscard]] Incarnation incarnation(const Collected& collected, const std::string& generation);

/// Looks at restored machines, one after the other; remembers what no two of them may share.
class RestoreChecks {
public:
    /// All that can be said of a machine that has just been restored from a snapshot of `parent`:
    /// exec works at once, the report is whole, the output begins at the fork point and is the
    /// workload's, the clock is right, no connection is of an older epoch, and its random numbers
    /// are its own.
    void check(lab::Machine& machine, const Collected& collected, const Incarnation& parent);

    /// One line for people: the slowest command, the worst clock and the chain's steps so far.
    [[nodiscard]] std::string summary() const;

private:
    void check_report(const Collected& collected, const std::string& generation,
                      const Incarnation& parent);
    void check_clock(const Endpoint& endpoint);
    void check_random(const Endpoint& endpoint);

    std::set<std::string> generations_;
    std::set<std::string> random_;
    std::chrono::milliseconds slowest_exec_{};
    std::chrono::microseconds worst_clock_{};
    std::chrono::microseconds worst_round_trip_{};
    std::map<std::string, std::uint64_t> step_us_; ///< all reports' together, by step
    std::uint64_t longest_chain_us_ = 0;
    std::uint64_t sum_chain_us_ = 0;
};

/// No connection of the guest's agent is of an older epoch than the agent, as it tells itself.
void check_connections(const Endpoint& endpoint);

/// The output of a restored machine goes on where its snapshot was taken, and is the workload's;
/// waits until it has gone beyond what its parent sent by `more` bytes.
void check_fork(const Collected& collected, const std::string& generation,
                const Incarnation& parent, std::uint64_t more);

/// How often what repeats is repeated: the number in the environment variable, or `otherwise`.
[[nodiscard]] unsigned count_from(const char* variable, unsigned otherwise);

} // namespace rouse::test
