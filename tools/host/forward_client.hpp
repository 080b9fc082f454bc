#pragma once
// One connection of this machine that goes on in a guest (proto/README.md, "Forward").

#include "proto/forward.hpp"
#include "tools/host/dialer.hpp"

namespace rouse::host {

/// Carries `near` to what is asked for in the guest, both ways, each to its own end. Fails, with
/// the guest's words, when there is no connection there or one of them breaks off. `deadline` is
/// that of the connection to the guest.
Awaitable<Outcome<>> forward_connection(Dialer& dialer, Socket near, proto::ForwardRequest request,
                                        Clock::time_point deadline);

} // namespace rouse::host
