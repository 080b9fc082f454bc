#pragma once
// Small documents of an exec stream (`POST /v1/exec` upgraded to rouse-stream.v1), and of a gap in
// an output stream.

#include "proto/fields.hpp"

namespace rouse::proto {

/// Payload of STARTED: of a new session, or of one that the client came back to.
struct Started {
    std::uint64_t pid = 0; ///< as the guest's root PID namespace numbers it
    std::string id;        ///< of the session
    bool control = true;   ///< this client may write, signal and resize
    bool tty = false;
    std::uint64_t in = 0;  ///< bytes of stdin that the session has; the next DATA begins there
    std::uint64_t out = 0; ///< offset of the first byte that will be sent
    std::uint64_t err = 0;

    friend bool operator==(const Started&, const Started&) = default;
};

boost::json::value to_json(const Started& started);
Parsed<Started> parse_started(std::string_view payload);

/// Payload of SIGNAL.
struct SignalRequest {
    std::uint32_t signal = 0; ///< 1–64, as Linux numbers them

    friend bool operator==(const SignalRequest&, const SignalRequest&) = default;
};

boost::json::value to_json(const SignalRequest& request);
Parsed<SignalRequest> parse_signal_request(std::string_view payload);

/// Payload of DROPPED; the header's offset says where the gap begins.
struct Dropped {
    std::uint64_t count = 0; ///< lost bytes

    friend bool operator==(const Dropped&, const Dropped&) = default;
};

boost::json::value to_json(const Dropped& dropped);
Parsed<Dropped> parse_dropped(std::string_view payload);

} // namespace rouse::proto
