#include "agent/workload/notify_message.hpp"

#include "proto/text.hpp"

#include <algorithm>
#include <charconv>

namespace rouse::workload {

namespace {

constexpr std::size_t longest_status = 256;

/// Not in the middle of a character.
std::string shortened(std::string_view text) {
    std::string shorter(text.substr(0, longest_status));
    while (!proto::is_utf8(shorter))
        shorter.pop_back();
    return shorter;
}

void read_line(std::string_view line, NotifyMessage& message) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return;
    const std::string_view key = line.substr(0, equals);
    const std::string_view value = line.substr(equals + 1);
    if (key == "READY") message.ready = message.ready || value == "1";
    if (key == "STATUS" && proto::is_utf8(value)) message.status = shortened(value);
    if (key == "EXTEND_TIMEOUT_USEC") {
        constexpr std::uint64_t a_day = 86'400'000'000;
        std::uint64_t number = 0;
        const char* const end = value.data() + value.size();
        const auto [last, error] = std::from_chars(value.data(), end, number);
        if (error == std::errc() && last == end)
            message.extend = std::chrono::microseconds(std::min(number, a_day));
    }
}

} // namespace

NotifyMessage parse_notify_message(std::string_view text) {
    NotifyMessage message;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        read_line(text.substr(0, end), message);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return message;
}

} // namespace rouse::workload
