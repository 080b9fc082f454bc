#pragma once
// The configuration of an OCI image, taken as it is: what it says about the process to run.
// Source: OCI image-spec, config.md, "Properties".

#include "proto/config.hpp"

namespace rouse::proto {

/// Whether the document is an image's configuration and not one of ours: it has an object `config`
/// or the two members that every image has, `architecture` and `os`.
bool is_image_config(const boost::json::value& document);

/// Reads Entrypoint and Cmd (the words of the one, then those of the other), Env, WorkingDir, User
/// and StopSignal. What else an image says is not about its process, and is passed over. Errors
/// carry the path of the member.
void read_image_config(const boost::json::value& document, Config& config, Problems& problems);

} // namespace rouse::proto
