#pragma once
// Small text files of the kernel: /proc, /sys.

#include "agent/sys/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rouse::sys {

/// Reads the whole file. Errors: those of open(2) and read(2); EFBIG beyond `limit_bytes`.
Result<std::string> read_file(const std::string& path, std::size_t limit_bytes = 1024 * 1024);

/// Writes `text` to a file that exists, in one write. Errors: those of open(2) and write(2).
Result<> write_file(const std::string& path, const std::string& text);

/// The number after `key` in lines such as "VmRSS:\t    1234 kB". Nothing when there is none.
std::optional<std::uint64_t> number_after(std::string_view text, std::string_view key);

struct MemoryUse {
    std::uint64_t rss_kib = 0;       ///< VmRSS
    std::uint64_t anonymous_kib = 0; ///< RssAnon
};

/// What this process occupies. Source: proc(5), /proc/[pid]/status.
Result<MemoryUse> own_memory();

/// The line the kernel was booted with, without its newline. Source: proc(5), /proc/cmdline.
Result<std::string> kernel_command_line();

} // namespace rouse::sys
