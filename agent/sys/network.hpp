#pragma once
// Makes an interface what a document says.

#include "agent/sys/route.hpp"

#include <stop_token>
#include <string>
#include <vector>

namespace rouse::sys {

struct NetworkOutcome {
    std::vector<std::string> problems =
        {}; ///< what is not as it should be, in words; none: all is well
    std::vector<std::string> notes = {}; ///< what a person may want to know besides
};

/// Brings an interface up as it is. Errors: ENODEV, EPERM.
Result<> bring_up(const std::string& interface);

/// Changes what differs, and announces the addresses to the neighbours. Goes on after an error, so
/// that as much as possible is right. Blocks; stops between two requests when `stop` asks for it.
NetworkOutcome configure(const proto::NetworkInterface& wanted, const std::stop_token& stop);

} // namespace rouse::sys
