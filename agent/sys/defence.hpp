#pragma once
// Defences that a test may switch off, to show that its scenario fails without them: the variable
// ROUSE_DEFENCE_OFF of a test build's environment names them, separated by commas. Any other build
// has no such switch.

namespace rouse::sys {

enum class Defence {
    write_deadline,      ///< "write-deadline": a write to the host has a deadline
    frame_cap,           ///< "frame-cap": frames are no longer than the host says
    stall_redial,        ///< "stall-redial": a wedged connection is closed, frames get smaller
    independent_writers, ///< "independent-writers": a blocked writer stops nobody else
    relay_watchdog,      ///< "relay-watchdog": a lost wake-up is repaired
    exit_first,          ///< "exit-first": EXIT does not wait for the end of the streams
    close_range,         ///< "close-range": a child has only its own descriptors
    peer_cid,            ///< "peer-cid": only the host is served
    coalesce,            ///< "coalesce": the triggers of one restore begin one chain
    confirm_first,       ///< "confirm-first": output connects after exec is proven
    conn_tracker,        ///< "conn-tracker": old connections are closed, new ones stay
};

#ifdef ROUSE_TEST_BUILD
/// Whether `defence` is switched off. Reads the environment each time: a test may change it.
bool is_off(Defence defence);
#else
constexpr bool is_off(Defence) {
    return false;
}
#endif

} // namespace rouse::sys
