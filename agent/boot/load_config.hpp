#pragma once
// Where the configuration comes from: what the OCI image says, a file of the root, then the kernel
// command line.

#include "proto/config.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace rouse::boot {

struct ConfigFiles {
    std::string config = "/etc/rouse/config.json";
    std::string image = "/etc/rouse/image.json"; ///< the configuration of an OCI image; empty: none
};

struct LoadedConfig {
    proto::Config config;
    /// Sentences for the person who wrote it: source, place and reason. What was wrong was not
    /// used.
    std::vector<std::string> errors;
    std::vector<std::string> warnings; ///< keys that nobody knows
    proto::Config beneath;             ///< the same without the kernel command line
    std::string token;                 ///< what `token_file` holds; empty without one
    bool token_refused = false;        ///< the last one of `errors` is about `token_file`
};

/// What is wrong with it for good: another root may have the file of the token.
std::vector<std::string> lasting_errors(const LoadedConfig& loaded);

/// Puts what an earlier reading found, that of the initramfs, before what `loaded` found: its files
/// are gone, its mistakes are not. What is the same in both stays once.
void add_earlier_problems(const LoadedConfig& earlier, LoadedConfig& loaded);

/// Reads the image's configuration, the file (missing ones are empty) on top of `base`, and on top
/// of them the `rouse.*` keys of `command_line`, which win; the file may be an image's
/// configuration, too. Files of which one has an error are used in no part: half a configuration
/// could run the right workload as the wrong user. The guest then has no workload, unless the
/// command line names one, and still serves exec, so that somebody can look. A token that was asked
/// for and cannot be read is an error, and in its place stands one that nobody knows: nobody is
/// served without it. `base` is what the initramfs said, where a root has been entered since.
LoadedConfig load_config(const ConfigFiles& files, std::string_view command_line,
                         proto::Config base = {});

/// The configuration that a boot document makes, which came on `source`: on top of `beneath`, and
/// beneath `command_line`. With errors nothing of it is to be used.
LoadedConfig add_boot_document(const proto::Config& beneath, std::string_view document,
                               const std::string& source, std::string_view command_line);

} // namespace rouse::boot
