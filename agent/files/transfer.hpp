#pragma once
// Moves bytes between a client of HTTP and an applet.

#include "agent/files/applet.hpp"
#include "agent/io/http.hpp"

#include <memory>
#include <string>

namespace rouse::files {

/// The next bytes of the applet's output, at most 64 KiB; none at the end.
io::Awaitable<std::string> read_piece(Applet& applet);

/// The rest of its output, of which there is little, and its end.
io::Awaitable<std::string> read_rest(Applet& applet);

/// Sends `first` and the rest of the output, for as long as the client takes it. Throws when the
/// applet fails after all: the client then sees a body that was cut off.
io::Awaitable<> send_archive(std::shared_ptr<AppletUse> use, std::string first,
                             const io::HttpSink& send);

/// Hands a body on until it ends, or the applet takes no more; stores how it ended, and returns
/// when the applet has ended.
io::Awaitable<> feed_archive(Applet& applet, const io::HttpSource& body,
                             io::HttpBodyPiece::State& state);

} // namespace rouse::files
