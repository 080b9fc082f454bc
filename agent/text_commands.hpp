#pragma once
// The verbs that only say something.

#include "agent/arguments.hpp"

namespace rouse {

/// Each returns the exit status of the program.
int say_version();
int say_help();
/// 2, with the reason and the usage on standard error.
int say_wrong(const Arguments& arguments);

} // namespace rouse
