// The guest's exec port as a host sees it, just enough to know whether the guest answers.
#pragma once

#include "tools/lab/deadline.hpp"
#include "tools/lab/descriptor.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rouse::lab {

/// The port of the agent's HTTP server.
constexpr std::uint32_t exec_port = 1001;

/// Where a guest is reached: "unix:PATH" (hybrid Unix socket: CONNECT PORT) or "vsock:CID".
/// Connects to `port` of the guest; the descriptor is blocking. Nothing when it is refused, not
/// there yet, or `deadline` comes first. Errors: LabError for a target of another form.
[[nodiscard]] std::optional<Descriptor> connect_guest(std::string_view target, std::uint32_t port,
                                                      Deadline deadline);

/// Sends GET `path` to the agent's HTTP server and returns the status code; nothing when the guest
/// does not answer by `deadline`. One try.
[[nodiscard]] std::optional<int> http_get_status(std::string_view target, std::string_view path,
                                                 Deadline deadline);

/// The status code of an HTTP response head, or nothing when `head` is not one.
[[nodiscard]] std::optional<int> parse_status_line(std::string_view head);

} // namespace rouse::lab
