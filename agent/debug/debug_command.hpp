#pragma once
// `rouse debug WHAT`: asks the running agent over its root-only socket and prints the answer.

#include <string>

namespace rouse::debug {

/// Where the agent of this guest answers.
inline constexpr const char* default_socket = "/run/rouse/debug.sock";

struct DebugRequest {
    std::string topic;   ///< one of proto::tables::topics()
    std::string socket;  ///< empty: default_socket
    bool json = false;   ///< the document as it came, instead of a table
    bool follow = false; ///< of events: also those to come, until somebody interrupts
};

/// Returns the exit status of the program: 0, or 1 with the reason on standard error.
int debug_command(const DebugRequest& request);

} // namespace rouse::debug
