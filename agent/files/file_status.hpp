#pragma once
// What `GET /v1/files?stat=1` says of a file.

#include "agent/files/failure.hpp"

#include <boost/json/object.hpp>

#include <string>

namespace rouse::files {

/// `{"type", "mode", "size", "mtime_ns", "uid", "gid", "link", "directory"}` of the file itself,
/// also when it is a link; with a slash at the end of `path`, of what the link leads to. `link` is
/// the target of a link, else null; `directory` says whether the path leads to a directory, links
/// followed. Errors: those of stat(2).
Outcome<boost::json::object> file_status(const std::string& path);

} // namespace rouse::files
