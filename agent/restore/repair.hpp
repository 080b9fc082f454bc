#pragma once
// What a restore document repairs in the kernel: its random generator and its clock.

#include "proto/restore.hpp"

namespace rouse::restore {

/// `failed`: a step failed that must not fail. The VM must not be used then.
struct Repairs {
    std::vector<proto::RestoreStep> steps;
    bool failed = false;
};

enum class Kernel {
    repair,      ///< we are init of a VM
    leave_alone, ///< `rouse run`: clock and generator are not ours
};

/// Applies the document, in this order: entropy (credited in full, then the generator is reseeded;
/// this must not fail, or clones would draw the same numbers), clock (stepped to now_ns; a clock
/// that cannot be set is reported and no more). Steps that have nothing to do say "skipped". Never
/// blocks and never forks.
/// Source: random(4), RNDADDENTROPY and RNDRESEEDCRNG; clock_settime(2).
Repairs repair(const proto::RestoreDocument& document, Kernel kernel);

/// `count` random bytes for keys, nonces and identifiers.
/// Throws boost::system::system_error where the kernel has no getrandom(2).
std::string random_bytes(std::size_t count);

} // namespace rouse::restore
