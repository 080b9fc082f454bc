#include "agent/run_terminal.hpp"

#include "agent/sys/job_control.hpp"
#include "agent/sys/wait.hpp"

#include <unistd.h>

namespace rouse {

RunTerminal::RunTerminal() : is_ours_(sys::is_own_terminal(STDIN_FILENO)) {}

sys::Leads RunTerminal::leads() const {
    return is_ours_ && sys::in_foreground(STDIN_FILENO) ? sys::Leads::foreground_group
                                                        : sys::Leads::group;
}

void RunTerminal::look(pid_t group) const {
    if (!is_ours_ || group <= 0) return;
    const std::optional<int> stop = sys::take_stop(group);
    if (stop && sys::stops_job(*stop)) sys::stop_self(*stop);
}

void RunTerminal::continued(pid_t group) const {
    if (!is_ours_ || group <= 0 || !sys::in_foreground(STDIN_FILENO)) return;
    (void)sys::give_foreground(STDIN_FILENO, group); // it may just have ended
}

void RunTerminal::ended(pid_t group) const {
    if (!is_ours_) return;
    const sys::Result<pid_t> foreground = sys::foreground_group(STDIN_FILENO);
    // A shell that has put us into the background meanwhile keeps its terminal.
    if (foreground && *foreground == group)
        (void)sys::give_foreground(STDIN_FILENO, ::getpgrp()); // nor does a hang-up matter now
}

} // namespace rouse
