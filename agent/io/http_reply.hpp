#pragma once
// Our answers as they go over the wire.

#include "agent/io/http.hpp"

#include <string>
#include <string_view>

namespace rouse::io {

/// Status line, headers and body.
std::string to_wire(const HttpReply& reply);

/// Status line and headers of an answer with a streamed body: in chunks, or (a client of HTTP/1.0)
/// up to the end of the connection.
std::string streamed_head(const HttpReply& reply, bool chunked);

/// The interim answer to `Expect: 100-continue`.
std::string continue_reply();

/// `101 Switching Protocols` to the protocol `token`.
std::string upgrade_reply(std::string_view token);

/// The reason phrase of a status; "Unknown" for those that we never send.
std::string_view reason(unsigned status);

} // namespace rouse::io
