// What an orchestrator says to the agent in a guest: before a snapshot, when the source goes on
// after it, and to a restored machine that no collector speaks with.
#pragma once

#include "tools/lab/deadline.hpp"

#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace rouse::lab {

/// A whole HTTP answer.
struct HttpReply {
    int status = 0;
    std::string body;
};

/// One request to the agent's HTTP server over a connection of its own; a body makes it a POST.
/// Nothing when the guest cannot be reached, or its answer is not whole by `deadline`. One try.
/// Errors: LabError for a target of another form.
[[nodiscard]] std::optional<HttpReply> http_exchange(std::string_view target, std::string_view path,
                                                     const std::optional<std::string>& body,
                                                     Deadline deadline);

/// The answer's body and what is behind it cut off, or nothing when `text` is not a whole answer
/// with a Content-Length.
[[nodiscard]] std::optional<HttpReply> parse_reply(std::string_view text);

/// Asks the guest to get ready for a snapshot. The answer, proto/README.md's Prepared; nothing when
/// nobody there knows how: no agent, or an older one.
/// Errors: LabError with what the guest says when it could not get ready, or says nothing.
[[nodiscard]] std::optional<boost::json::object> prepare_guest(std::string_view target,
                                                               Deadline deadline);

/// Tells a prepared guest that its snapshot is taken and that it goes on. Tries again until
/// `deadline`. Errors: LabError when it cannot be told.
void resume_guest(std::string_view target, const boost::json::object& prepared, Deadline deadline);

/// Tells a restored guest who it is now, and what time it is; its RestoreReport. Tries again until
/// `deadline`, since another trigger of the same restore may close our connection.
/// Errors: LabError, also for a chain that failed.
boost::json::object tell_restored(std::string_view target, boost::json::object document,
                                  Deadline deadline);

} // namespace rouse::lab
