// Scenes that are played in more than one rig.
#pragma once

#include "tests/support/frames.hpp"
#include "tests/vm/guest.hpp"

namespace rouse::test {

/// The configuration for check_power_off.
[[nodiscard]] std::string power_off_config();

/// Sessions that outlive their machine: one that writes its sequence to a pipe, one on a terminal.
/// begin() starts them and reads a little; go_on() attaches in the restored machine, checks that
/// each goes on where the client was, with no byte lost or doubled, and reads a little more. A copy
/// stays where it is: each of several clones goes on with one of its own.
class LastingSessions {
public:
    void begin(const Endpoint& endpoint);
    void go_on(const Endpoint& endpoint);

private:
    std::uint64_t received_ = 0; ///< of the pipe's sequence
    std::uint64_t typed_ = 0;    ///< to the terminal
    std::uint64_t shown_ = 0;    ///< of it
};

/// Boots; then a command tells the workload to write its output and end, which powers the machine
/// off. Checks that the command's own end, that of another that still runs, every byte of output
/// and the exit report arrive.
void check_power_off(lab::MachineOptions options);

} // namespace rouse::test
