#pragma once
// The defence of the host that a test may switch off, to show that its scenario fails without it:
// the variable ROUSE_DEFENCE_OFF of a test build's environment names it, as it names those of the
// agent. Any other build has no such switch.

namespace rouse::host {

#ifdef ROUSE_TEST_BUILD
/// "link-key": a hello is believed only with the key that the ready probe answers with.
bool link_key_is_off();
#else
constexpr bool link_key_is_off() {
    return false;
}
#endif

} // namespace rouse::host
