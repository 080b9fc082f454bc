// The keeper: the process that owns a machine after `rouse-lab up` returned.
//
//   rouse-lab up --fork--> keeper --boots--> QEMU, vsock daemon, collector (die with the keeper)
//        |                   |
//        |<---- report ------|   one JSON line: ready, or why not
//       exit                 |-- serves NAME/control until the machine ends or SIGTERM comes
//
// Whatever happens to the keeper, the kernel kills its children; whatever happens to `up` before
// the report, the keeper goes with it.
#pragma once

#include "tools/lab/cli/state.hpp"
#include "tools/lab/machine.hpp"

#include <functional>
#include <string>
#include <vector>

namespace rouse::lab::cli {

/// A machine to be started: its name and what makes it.
struct KeeperPlan {
    std::string name;
    std::function<Machine()> make;
};

/// Starts one keeper per plan, all at once, and waits for all of them. When one fails, all are
/// ended and their folders removed. SIGINT, SIGTERM and SIGHUP meanwhile do the same.
/// Errors: LabError with the keeper's words; Interrupted.
[[nodiscard]] std::vector<State> start_keepers(const std::vector<KeeperPlan>& plans);

/// A signal that ended a command; what it had started is already gone.
struct Interrupted {
    int signal = 0;
};

} // namespace rouse::lab::cli
