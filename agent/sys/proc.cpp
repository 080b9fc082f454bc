#include "agent/sys/proc.hpp"

#include "agent/sys/descriptor.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <fcntl.h>

namespace rouse::sys {

std::optional<std::uint64_t> number_after(std::string_view text, std::string_view key) {
    const std::size_t found = text.find(key);
    if (found == std::string_view::npos) return std::nullopt;
    text.remove_prefix(found + key.size());
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() ? std::optional(number) : std::nullopt;
}

Result<std::string> read_file(const std::string& path, std::size_t limit_bytes) {
    const Result<UniqueFd> file = open_file(path, O_RDONLY);
    if (!file) return file.error();
    std::string text;
    std::array<char, 4096> buffer{};
    for (;;) {
        const Result<Moved> moved = read_some(file->get(), buffer);
        if (!moved) return moved.error();
        if (moved->outcome != IoOutcome::moved) return text;
        if (text.size() + moved->bytes > limit_bytes) return error_from(EFBIG);
        text.append(buffer.data(), moved->bytes);
    }
}

Result<> write_file(const std::string& path, const std::string& text) {
    const Result<UniqueFd> file = open_file(path, O_WRONLY);
    if (!file) return file.error();
    const Result<Moved> moved = write_some(file->get(), text);
    if (!moved) return moved.error();
    if (moved->bytes != text.size()) return error_from(EIO);
    return {};
}

Result<MemoryUse> own_memory() {
    const Result<std::string> status = read_file("/proc/self/status");
    if (!status) return status.error();
    return MemoryUse{.rss_kib = number_after(*status, "\nVmRSS:").value_or(0),
                     .anonymous_kib = number_after(*status, "\nRssAnon:").value_or(0)};
}

Result<std::string> kernel_command_line() {
    Result<std::string> line = read_file("/proc/cmdline");
    if (line && line->ends_with('\n')) line->pop_back();
    return line;
}

} // namespace rouse::sys
