#include "agent/sys/power.hpp"

#include "agent/sys/proc.hpp"

#include <sys/reboot.h>

namespace rouse::sys {

Result<> end_machine(PowerAction action) {
    (void)::reboot(action == PowerAction::power_off ? RB_POWER_OFF : RB_AUTOBOOT);
    return last_error();
}

Result<> end_machine_at_once() {
    return write_file("/proc/sysrq-trigger", "b");
}

Result<> take_over_ctrl_alt_del() {
    if (::reboot(RB_DISABLE_CAD) < 0) return last_error();
    return {};
}

} // namespace rouse::sys
