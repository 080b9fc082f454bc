#pragma once
// `rouse run -- CMD`: the same supervision without a VM, as container PID 1 or as a subreaper.

#include "agent/arguments.hpp"

namespace rouse {

/// Runs the command and returns its exit status, as a shell says it; 125 when rouse itself failed.
int run(const Arguments& arguments);

} // namespace rouse
