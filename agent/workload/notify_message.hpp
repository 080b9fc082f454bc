#pragma once
// What a workload says on its NOTIFY_SOCKET.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace rouse::workload {

/// Of the variables of sd_notify(3) those that mean something to us; the others are passed over, as
/// they are by every reader that does not know them.
struct NotifyMessage {
    bool ready = false;                              ///< READY=1
    std::optional<std::string> status;               ///< STATUS=, in words; cut at 256 bytes
    std::optional<std::chrono::microseconds> extend; ///< EXTEND_TIMEOUT_USEC=, a day at most

    friend bool operator==(const NotifyMessage&, const NotifyMessage&) = default;
};

NotifyMessage parse_notify_message(std::string_view text);

} // namespace rouse::workload
