#pragma once
// Documents of `POST /v1/forward`: a stream to a port or a socket of the guest.

#include "proto/fields.hpp"

namespace rouse::proto {

/// Exactly one is set.
struct ForwardRequest {
    std::optional<std::uint16_t> tcp;  ///< port of the guest's loopback, 1–65535
    std::optional<std::string> socket; ///< path of a Unix socket in the guest, absolute

    friend bool operator==(const ForwardRequest&, const ForwardRequest&) = default;
};

boost::json::value to_json(const ForwardRequest& request);
Parsed<ForwardRequest> parse_forward_request(std::string_view body);

/// Payload of ERROR when there is no connection to what was asked for.
struct ConnectFailure {
    std::uint64_t error = 0; ///< errno
    std::string message;     ///< names what was asked for

    friend bool operator==(const ConnectFailure&, const ConnectFailure&) = default;
};

/// With "kind": "connect".
boost::json::value to_json(const ConnectFailure& failure);

} // namespace rouse::proto
