#pragma once
// Documents of the end of the machine, as a host asks for it.

#include "proto/fields.hpp"

#include <string>
#include <string_view>

namespace rouse::proto {

enum class ShutdownAction { poweroff, reboot };

/// Body of `POST /v1/shutdown`. Every member may be missing.
struct ShutdownRequest {
    ShutdownAction action = ShutdownAction::poweroff;
    bool now = false; ///< without any stage: nobody is asked to end, nothing is flushed or synced

    friend bool operator==(const ShutdownRequest&, const ShutdownRequest&) = default;
};

boost::json::object to_json(const ShutdownRequest& request);
/// An empty body asks for the defaults. Unknown keys are errors.
Parsed<ShutdownRequest> parse_shutdown_request(std::string_view body);

/// Its answer, which comes before anything ends.
struct ShutdownAccepted {
    std::string action; ///< "poweroff", "reboot"; "exit" where the agent ends, and no machine
    bool now = false;
    /// The machine ended already when this was asked: `action` is what it was asked for first.
    bool under_way = false;

    friend bool operator==(const ShutdownAccepted&, const ShutdownAccepted&) = default;
};

boost::json::object to_json(const ShutdownAccepted& accepted);
Parsed<ShutdownAccepted> parse_shutdown_accepted(std::string_view body);

} // namespace rouse::proto
