#pragma once
// One GET over a Unix socket, for the debug commands: they run beside the agent, in a guest that
// may be in trouble, and need no event loop.

#include "proto/problem.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace rouse::debug {

/// Body of the answer to `GET path`, when it is a 200. Blocks for at most 5 s.
proto::Parsed<std::string> local_get(const std::string& socket_path, const std::string& path);

/// Gets a piece of a body. False: no more is wanted.
using OnPiece = std::function<bool(std::string_view piece)>;

/// Hands the body of the answer to `GET path` over as it comes, for as long as it comes, when it is
/// a 200. Waits at most 5 s for its beginning. A problem when the body was cut off.
proto::Parsed<void> local_stream(const std::string& socket_path, const std::string& path,
                                 const OnPiece& on_piece);

} // namespace rouse::debug
