// What the outer VM of the nested rig runs as its init: a shell script that turns this machine's
// root file system, seen over 9p, into a place where a command can run.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rouse::lab {

/// The command and its surroundings.
struct NestedCommand {
    std::vector<std::string> argv;
    /// The whole environment of the command.
    std::vector<std::pair<std::string, std::string>> environment;
    /// Its working directory; exists on this machine.
    std::filesystem::path directory;
    /// Must stay visible even where a tmpfs hides their surroundings; absolute.
    std::vector<std::filesystem::path> visible;
    /// Shared read-write under the same path; none when empty.
    std::filesystem::path writable;
};

/// The 9p tags of the two shares.
constexpr std::string_view root_tag = "hostroot";
constexpr std::string_view writable_tag = "writable";

/// The number of the virtio-serial port that carries each stream, as /dev/vport0pN.
enum class NestedPort { standard_output = 1, standard_error = 2, status = 3 };

/// `text` as one word of a POSIX shell.
[[nodiscard]] std::string shell_word(std::string_view text);

/// The script. It writes "ready" and then "exit N" to the status port, or "failed: …" when it
/// cannot get as far as the command, and powers off.
[[nodiscard]] std::string nested_init_script(const NestedCommand& command);

/// The directories of the machine's root that the outer VM hides behind empty, writable ones.
[[nodiscard]] const std::vector<std::filesystem::path>& hidden_directories();

} // namespace rouse::lab
