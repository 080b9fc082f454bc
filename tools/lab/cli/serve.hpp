// What a keeper does while its machine runs.
#pragma once

#include "tools/lab/machine.hpp"

namespace rouse::lab::cli {

/// Serves requests on the listening socket `control` (borrowed) until the machine ends or a signal
/// asks to end it; writes down how it ended and removes its sockets.
///
/// Requests: {"do": "snapshot", "file": PATH, "keep_running": BOOL, "prepare": BOOL}. Answers:
/// {}, {"prepared": what the guest said} or {"error": TEXT}.
void serve(Machine& machine, int control);

} // namespace rouse::lab::cli
