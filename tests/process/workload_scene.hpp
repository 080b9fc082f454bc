#pragma once
// A workload under `rouse run`, as the tests of its life look at it.

#include "tests/process/agent.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rouse::test {

/// A script as a workload.
[[nodiscard]] std::vector<std::string> shell(const std::string& script);

/// Waits until the workload is in this state in its n-th run.
void await_state(const Agent& agent, std::string_view state, std::uint64_t run = 1);

/// Events that are remembered, one a line.
[[nodiscard]] std::string events_of(const Agent& agent);

/// What the workload has said on stdout, which has to be so many bytes.
[[nodiscard]] std::string output_of(const Agent& agent, std::size_t bytes);

} // namespace rouse::test
