#pragma once
// From what a client asks for to what the child does: user, environment, PATH, working directory.

#include "agent/sys/spawn.hpp"
#include "agent/sys/users.hpp"
#include "proto/exec.hpp"

#include <variant>

namespace rouse::supervise {

/// PATH of a command whose environment has none. Source: what container engines give to images.
inline constexpr std::string_view default_path =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Resolves everything but the descriptors. An empty user keeps the agent's own identity. The
/// environment is HOME, USER, LOGNAME, SHELL and PATH as login(1) sets them, and then the
/// command's, which wins; nothing of the agent's own. An empty cwd means the user's home, or `/`
/// where that cannot be entered. Failures have the stage "request" (EINVAL), "user" or
/// "groups".
std::variant<sys::SpawnPlan, proto::SpawnFailure> make_plan(const proto::Command& command,
                                                            const sys::UserFiles& files = {});

/// The document for a step that failed. `path` is what it was about.
proto::SpawnFailure make_failure(std::string stage, const sys::error_code& error, std::string path);

} // namespace rouse::supervise
