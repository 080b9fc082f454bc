#pragma once
// Places where a test makes something go wrong that hardly ever does by itself. The variable
// ROUSE_FAILPOINTS of a test build's environment says "NAME=COUNT,…": the place NAME fails the next
// COUNT times that it is reached. Any other build has no such places.
//
//   relay-read-wake   a relay is told that its workload wrote, and forgets it
//   relay-work-wake   a relay forgets to tell its writer that there is something to send
//   restore-before-STEP, restore-after-STEP   the restore chain pauses for 0.3 s; STEP is fence,
//                     rebind, dial, hello, apply, thaw, gate, confirm, output or announce

#include <string_view>

namespace rouse::sys {

#ifdef ROUSE_TEST_BUILD
/// Whether this place fails now; counts it if so. One thread.
bool failpoint(std::string_view name);
/// As ROUSE_FAILPOINTS does, in the middle of a test.
void arm_failpoint(std::string_view name, unsigned count);
#else
constexpr bool failpoint(std::string_view) {
    return false;
}
#endif

} // namespace rouse::sys
