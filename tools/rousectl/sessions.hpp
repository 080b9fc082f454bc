#pragma once
// Sessions of a guest by their names.

#include "proto/session.hpp"
#include "tools/host/target.hpp"

#include <string>

namespace rouse::ctl {

/// Throws std::runtime_error when it can be no session's id.
void check_session_name(const std::string& id);

/// What the guest says about a session. Throws std::runtime_error when there is none of that name.
proto::SessionDocument find_session(const host::Target& target, const std::string& id);

} // namespace rouse::ctl
