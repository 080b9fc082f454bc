#pragma once
// What a restore document repairs in the guest, in DESIGN's order.

#include "agent/io/blocking.hpp"
#include "agent/restore/repair_steps.hpp"

namespace rouse::restore {

/// `failed`: a step failed that must not fail. The VM must not be used then.
struct Repairs {
    std::vector<proto::RestoreStep> steps;
    bool failed = false;
    std::string generation = {}; ///< where one was to be made
};

enum class Kernel {
    repair,      ///< we are init of a VM
    leave_alone, ///< `rouse run`: nothing of the machine is ours
};

struct RepairOrder {
    proto::RestoreDocument document;
    /// Nobody has said who this VM is now: the generator starts anew, and a UUID is made of it.
    bool make_generation = false;
    Kernel kernel = Kernel::repair;
};

/// Does what the document asks for, in this order: entropy (credited in full, then the generator is
/// reseeded; this must not fail, or clones would draw the same numbers, and nothing is done after
/// it), clock (stepped to now_ns), hostname, machine_id, network, dns, close_tcp. Everything but
/// entropy is reported when it fails, and no more. Steps that have nothing to do say "skipped".
/// Never blocks the loop and never forks: what may take its time does so on a worker, for at most
/// limits::repair_step each. Borrows `blocking`. The caller lets one order end before the next
/// begins. Source: random(4), RNDADDENTROPY and RNDRESEEDCRNG; clock_settime(2).
io::Awaitable<Repairs> repair(RepairOrder order, io::Blocking& blocking, RepairPlaces places = {});

/// `count` random bytes for keys, nonces and identifiers.
/// Throws boost::system::system_error where the kernel has no getrandom(2).
std::string random_bytes(std::size_t count);

} // namespace rouse::restore
