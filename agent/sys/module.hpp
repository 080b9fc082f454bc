#pragma once
// Kernel modules.

#include "agent/sys/result.hpp"

#include <string>

namespace rouse::sys {

enum class ModuleOutcome { loaded, was_loaded };

/// Loads one module file without parameters; the kernel unpacks one that ends in .gz, .xz or .zst,
/// where it can (from 5.17 on). Its device may appear later.
/// Errors: ENOENT for an unresolved symbol as well as for a missing file; ENOEXEC for another
/// kernel's; EPERM. Source: init_module(2).
Result<ModuleOutcome> load_module(const std::string& path);

} // namespace rouse::sys
