#pragma once
// The terminal that `rouse run` was started on, and the jobs of the shell that it belongs to. The
// command has a process group of its own, which gets the foreground when ours has it; when the
// terminal stops it, we stop as well, or the shell would wait for ever; when the shell continues
// us, so is the command.

#include "agent/sys/spawn.hpp"

#include <sys/types.h>

namespace rouse {

class RunTerminal {
public:
    /// Standard input, when it is our controlling terminal.
    RunTerminal();

    /// What the command that is started now leads.
    [[nodiscard]] sys::Leads leads() const;

    /// Something has happened to the process, which leads the group: has it stopped as a job?
    void look(pid_t group) const;
    /// SIGCONT has come: the group gets the foreground if the shell has given it to us.
    void continued(pid_t group) const;
    /// The process is gone: the foreground, if it had it, is ours again.
    void ended(pid_t group) const;

private:
    bool is_ours_;
};

} // namespace rouse
