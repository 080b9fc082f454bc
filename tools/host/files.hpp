#pragma once
// Small files of the collector.

#include "tools/host/async.hpp"

#include <cstdint>
#include <filesystem>
#include <string_view>

#include <sys/types.h>

namespace rouse::host {

/// Before a write that failed is tried again: a full disk may have room by then.
inline constexpr std::chrono::seconds disk_pause{1};

/// Of every file that a collector makes.
inline constexpr mode_t file_mode = 0644;

/// The whole content; fails with the path and the reason.
Outcome<std::string> read_file(const std::filesystem::path& path);

/// Whether what was written must also survive a crash of the whole machine (fsync(2)).
enum class Durable { no, yes };

/// Replaces the content so that a reader sees the old or the new one, never a part.
Outcome<> replace_file(const std::filesystem::path& path, std::string_view content,
                       Durable durable = Durable::no);

/// Adds to the end, making the file where there is none.
Outcome<> append_file(const std::filesystem::path& path, std::string_view content);

/// Makes the names in a directory survive a crash of the machine.
Outcome<> sync_directory(const std::filesystem::path& path);

/// Reads up to `size` bytes at `offset`; fewer only at the end of the file.
Outcome<std::string> read_at(int fd, std::uint64_t offset, std::size_t size);

/// Writes all of `bytes` at the descriptor's position; false when the kernel refuses.
bool write_all(int fd, std::string_view bytes);

/// "cannot WHAT 'PATH': REASON" with the reason in errno.
Failure file_failure(std::string_view what, const std::filesystem::path& path);

} // namespace rouse::host
