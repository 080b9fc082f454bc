// Bytes from the sockets of an outer VM to our own standard streams.
#pragma once

#include "tools/lab/descriptor.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace rouse::lab {

/// Connects to a Unix socket; nothing when nobody listens. The descriptor does not block.
[[nodiscard]] std::optional<Descriptor> connect_unix(const std::filesystem::path& socket);

/// Appends what can be read at once from `source` to `text`. False at the end of the stream, also
/// for a negative `source`.
[[nodiscard]] bool read_available(int source, std::string& text);

/// Copies what can be read at once from `source` to `sink`, which may block. False at the end of
/// the stream, also for a negative `source`; a sink that refuses bytes loses them.
[[nodiscard]] bool copy_available(int source, int sink);

} // namespace rouse::lab
