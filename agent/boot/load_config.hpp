#pragma once
// Where the configuration comes from: a file of the image, then the kernel command line.

#include "proto/config.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace rouse::boot {

inline constexpr const char* config_file = "/etc/rouse/config.json";

struct LoadedConfig {
    proto::Config config;
    /// Sentences for the person who wrote it: source, place and reason. What was wrong was not
    /// used.
    std::vector<std::string> errors;
    std::vector<std::string> warnings; ///< keys that nobody knows
    std::string token;                 ///< what `token_file` holds; empty without one
};

/// Reads the file (a missing one is empty) and on top of it the `rouse.*` keys of `command_line`,
/// which win. A file with an error is used in no part: half a configuration could run the right
/// workload as the wrong user. The guest then has no workload, unless the command line names one,
/// and still serves exec, so that somebody can look. A token that was asked for and cannot be read
/// is an error, and in its place stands one that nobody knows: nobody is served without it.
LoadedConfig load_config(const std::string& file, std::string_view command_line);

} // namespace rouse::boot
