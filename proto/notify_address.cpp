#include "proto/notify_address.hpp"

#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace rouse::proto {

namespace {

using Kind = NotifyAddress::Kind;

constexpr std::size_t longest_socket_path = 107; // sockaddr_un.sun_path, with room for its end
constexpr std::array<std::pair<std::string_view, Kind>, 4> vsock_forms = {{
    {"vsock:", Kind::vsock},
    {"vsock-stream:", Kind::vsock_stream},
    {"vsock-dgram:", Kind::vsock_datagram},
    {"vsock-seqpacket:", Kind::vsock_seqpacket},
}};

std::optional<std::uint32_t> vsock_number(std::string_view text) {
    std::uint32_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [last, error] = std::from_chars(text.data(), end, number);
    // The largest number means "any" and names nobody.
    if (text.empty() || error != std::errc() || last != end || number == UINT32_MAX)
        return std::nullopt;
    return number;
}

Parsed<NotifyAddress> parse_vsock(Kind kind, std::string_view rest) {
    const std::size_t colon = rest.find(':');
    if (colon == std::string_view::npos) return Problem{"", "must have a CID and a port"};
    const std::optional<std::uint32_t> cid = vsock_number(rest.substr(0, colon));
    const std::optional<std::uint32_t> port = vsock_number(rest.substr(colon + 1));
    if (!cid) return Problem{"", "has no number as its CID"};
    if (!port) return Problem{"", "has no number as its port"};
    return NotifyAddress{.kind = kind, .path = {}, .cid = *cid, .port = *port};
}

} // namespace

Parsed<NotifyAddress> parse_notify_address(std::string_view text) {
    for (const auto& [prefix, kind] : vsock_forms)
        if (text.starts_with(prefix)) return parse_vsock(kind, text.substr(prefix.size()));
    if (!text.starts_with('/') && !text.starts_with('@'))
        return Problem{"", "must be a path, @name, or vsock[-stream|-dgram|-seqpacket]:CID:PORT"};
    if (text.size() < 2) return Problem{"", "must name a socket"};
    if (text.size() > longest_socket_path)
        return Problem{"", "is longer than the 107 bytes that a socket's name may have"};
    if (text.find('\0') != std::string_view::npos) return Problem{"", "must not have a zero byte"};
    return NotifyAddress{.kind = Kind::unix_datagram, .path = std::string(text)};
}

} // namespace rouse::proto
