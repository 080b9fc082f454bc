#pragma once
// HTTP/1.1 to a guest whose answer goes on for as long as it takes: events, retained output.

#include "tools/host/http_client.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace rouse::host {

/// Gets each piece of a body as it comes. False: no more is wanted.
using OnPiece = std::function<bool(std::string_view piece)>;

/// How a streamed answer ended that was not a failure.
enum class StreamEnd {
    complete, ///< the guest said so
    unwanted, ///< the caller did
    cut,      ///< the connection broke off: a restore, or the end of the guest
};

/// Sends `GET path` over a fresh connection and hands over the body of the answer. Fails, with the
/// target in the message, when no head of an answer comes by the deadline, or with another status
/// than 200. Afterwards it waits for ever for more: cancel it, or let `on_piece` return false.
Awaitable<Outcome<StreamEnd>> http_stream(Dialer& dialer, std::string path,
                                          Clock::time_point deadline, OnPiece on_piece);

} // namespace rouse::host
