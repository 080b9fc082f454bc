#pragma once
// What a guest says that it did after a restore, for people.

#include "proto/restore.hpp"

#include <string>

namespace rouse::ctl {

std::string restore_table(const proto::RestoreReport& report);

} // namespace rouse::ctl
