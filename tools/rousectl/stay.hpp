#pragma once
// Staying with a session: our terminal, signals and streams on this side, the session on the other.

#include "tools/host/exec_client.hpp"
#include "tools/rousectl/session.hpp"

#include <functional>
#include <string>

namespace rouse::ctl {

struct StayOptions {
    bool interactive = false; ///< our standard input becomes the session's
    bool tty = false;         ///< the session has a terminal
    bool forward_signals = true;
    std::string detach_keys; ///< as written
};

/// Begins the session, or comes to it. `input` may be empty.
using Begin = std::function<host::Awaitable<host::Outcome<host::ExecEnd>>(
    host::ExecClient& client, host::ExecInput::Source input)>;

/// Runs it to its end or ours, and returns the exit code.
int stay_with_session(const host::Target& target, const StayOptions& options, const Begin& begin);

/// Says why a command did not run; the exit code for it.
int explain(const proto::SpawnFailure& failure);

} // namespace rouse::ctl
