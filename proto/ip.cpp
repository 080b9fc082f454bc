#include "proto/ip.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include <arpa/inet.h>

namespace rouse::proto {

namespace {

constexpr std::array<std::uint8_t, 12> v4_in_v6{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

int kernel_family(IpFamily family) {
    return family == IpFamily::v4 ? AF_INET : AF_INET6;
}

/// The bits of byte `index` that belong to a prefix of `length` bits.
std::uint8_t mask_of(std::size_t index, unsigned length) {
    const std::size_t first = index * 8;
    if (length <= first) return 0;
    const std::size_t bits = std::min<std::size_t>(length - first, 8);
    return static_cast<std::uint8_t>(0xffU << (8 - bits));
}

} // namespace

bool IpAddress::is_loopback() const {
    if (family == IpFamily::v4) return bytes[0] == 127;
    if (std::equal(v4_in_v6.begin(), v4_in_v6.end(), bytes.begin())) return bytes[12] == 127;
    return bytes[15] == 1 &&
           std::all_of(bytes.begin(), bytes.end() - 1, [](std::uint8_t byte) { return byte == 0; });
}

bool IpAddress::is_link_local() const {
    if (family == IpFamily::v4) return bytes[0] == 169 && bytes[1] == 254;
    return bytes[0] == 0xfe && (bytes[1] & 0xc0U) == 0x80;
}

bool IpAddress::is_multicast() const {
    return family == IpFamily::v4 ? (bytes[0] & 0xf0U) == 0xe0 : bytes[0] == 0xff;
}

bool IpAddress::is_unspecified() const {
    return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

bool IpPrefix::contains(const IpAddress& other) const {
    if (other.family != address.family) return false;
    for (std::size_t i = 0; i < address.size(); ++i)
        if (((address.bytes[i] ^ other.bytes[i]) & mask_of(i, length)) != 0) return false;
    return true;
}

IpPrefix IpPrefix::network() const {
    IpPrefix network = *this;
    for (std::size_t i = 0; i < address.size(); ++i)
        network.address.bytes[i] &= mask_of(i, length);
    return network;
}

std::optional<IpAddress> parse_ip(std::string_view text) {
    IpAddress address;
    address.family = text.find(':') == std::string_view::npos ? IpFamily::v4 : IpFamily::v6;
    const std::string terminated(text);
    // A NUL inside would end the text for inet_pton(3) only.
    if (terminated.find('\0') != std::string::npos) return std::nullopt;
    const int parsed =
        ::inet_pton(kernel_family(address.family), terminated.c_str(), address.bytes.data());
    if (parsed != 1) return std::nullopt;
    return address;
}

std::optional<IpPrefix> parse_ip_prefix(std::string_view text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const std::optional<IpAddress> address = parse_ip(text.substr(0, slash));
    const std::string_view digits = text.substr(slash + 1);
    unsigned length = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (!address || error != std::errc() || end != digits.data() + digits.size() ||
        length > address->size() * 8)
        return std::nullopt;
    return IpPrefix{*address, length};
}

std::optional<MacAddress> parse_mac(std::string_view text) {
    MacAddress mac;
    if (text.size() != mac.bytes.size() * 3 - 1) return std::nullopt;
    for (std::size_t i = 0; i < mac.bytes.size(); ++i) {
        const char* const digits = text.data() + i * 3;
        const auto [end, error] = std::from_chars(digits, digits + 2, mac.bytes[i], 16);
        if (error != std::errc() || end != digits + 2) return std::nullopt;
        if (i > 0 && digits[-1] != ':') return std::nullopt;
    }
    return mac;
}

std::string to_text(const IpAddress& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    // Fails only for an unknown family or too little room.
    (void)::inet_ntop(kernel_family(address.family), address.bytes.data(), text.data(),
                      text.size());
    return text.data();
}

std::string to_text(const IpPrefix& prefix) {
    return fmt::format("{}/{}", to_text(prefix.address), prefix.length);
}

std::string to_text(const MacAddress& mac) {
    std::string text;
    for (const std::uint8_t byte : mac.bytes)
        text += fmt::format("{}{:02x}", text.empty() ? "" : ":", byte);
    return text;
}

} // namespace rouse::proto
