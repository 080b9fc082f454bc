// Whole files of the host, read and written.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace rouse::initramfs {

/// The bytes of `file`. Errors: std::runtime_error with the path and the reason.
[[nodiscard]] std::string read_file(const std::filesystem::path& file);

/// Replaces `file` by `content` in one step: a reader sees the old bytes or the new ones.
/// Errors: std::runtime_error with the path and the reason; the old file then stays.
void write_file(const std::filesystem::path& file, std::string_view content);

} // namespace rouse::initramfs
