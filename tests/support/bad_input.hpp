#pragma once
// What no client should send, and whether an agent got rid of it in time.

#include "proto/frame.hpp"
#include "tests/support/endpoint.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace rouse::test {

/// Bytes on the exec port, and by when the agent has to have answered 4xx or closed.
struct BadRequest {
    std::string name;
    std::string bytes;
    std::chrono::milliseconds limit;
};

/// Malformed, too large and half-sent requests.
[[nodiscard]] const std::vector<BadRequest>& bad_requests();

/// Frames that a host may not send on an exec stream.
struct BadFrame {
    std::string name;
    std::string bytes;
};

[[nodiscard]] const std::vector<BadFrame>& bad_frames();

/// Sends every bad request, and every bad frame on the stream of a `cat` of its own, all at once.
/// What went wrong, a line each: those that were not refused in time.
[[nodiscard]] std::vector<std::string> complaints(const Endpoint& endpoint);

} // namespace rouse::test
