#include "agent/sys/kmsg.hpp"

#include "agent/sys/descriptor.hpp"

#include <array>
#include <charconv>

#include <fcntl.h>

namespace rouse::sys {

namespace {

/// The number up to the next comma, which goes, too.
std::optional<std::uint64_t> take_number(std::string_view& head) {
    const std::string_view word = head.substr(0, head.find(','));
    head.remove_prefix(word.size() < head.size() ? word.size() + 1 : word.size());
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
    return number;
}

} // namespace

std::optional<KmsgRecord> parse_kmsg(std::string_view record) {
    constexpr std::uint64_t levels = 8;
    const std::size_t semicolon = record.find(';');
    if (semicolon == std::string_view::npos) return std::nullopt;
    std::string_view head = record.substr(0, semicolon);
    const std::optional<std::uint64_t> priority = take_number(head);
    const std::optional<std::uint64_t> sequence = take_number(head);
    if (!priority || !sequence || *priority > UINT32_MAX) return std::nullopt;
    std::string_view text = record.substr(semicolon + 1);
    text = text.substr(0, text.find('\n'));
    return KmsgRecord{.facility = static_cast<unsigned>(*priority / levels),
                      .level = static_cast<unsigned>(*priority % levels),
                      .sequence = *sequence,
                      .text = std::string(text)};
}

Result<UniqueFd> open_kmsg(const std::string& path) {
    Result<UniqueFd> fd = open_file(path, O_RDONLY | O_NONBLOCK);
    if (!fd) return fd.error();
    if (::lseek(fd->get(), 0, SEEK_END) < 0) return last_error();
    return fd;
}

Result<KmsgRead> read_kmsg(int fd) {
    using Outcome = KmsgRead::Outcome;
    std::array<char, kmsg_record_limit> buffer{};
    const Result<Moved> moved = read_some(fd, buffer);
    if (!moved) {
        if (moved.error() == error_from(EPIPE)) return KmsgRead{.outcome = Outcome::lost};
        return moved.error();
    }
    // The messages have no end; a stand-in for them may.
    if (moved->outcome == IoOutcome::end_of_stream) return error_from(ENODATA);
    if (moved->outcome == IoOutcome::would_block) return KmsgRead{};
    std::optional<KmsgRecord> record = parse_kmsg({buffer.data(), moved->bytes});
    if (!record) return KmsgRead{.outcome = Outcome::skipped};
    return KmsgRead{.outcome = Outcome::record, .record = std::move(*record)};
}

} // namespace rouse::sys
