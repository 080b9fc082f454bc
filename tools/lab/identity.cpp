#include "tools/lab/identity.hpp"

#include "proto/base64.hpp"
#include "tools/lab/error.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>

#include <sys/random.h>

namespace rouse::lab {
namespace {

template <std::size_t Size>
std::array<unsigned char, Size> random_bytes() {
    std::array<unsigned char, Size> bytes{};
    // Requests of up to 256 bytes are never cut short.
    if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
        throw LabError(fmt::format("cannot get random bytes: {}", errno_text(errno)));
    return bytes;
}

} // namespace

std::string random_uuid() {
    auto bytes = random_bytes<16>();
    bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0fU) | 0x40U); // version 4: random
    bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3fU) | 0x80U); // the variant of RFC 9562
    std::string text;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        if (at == 4 || at == 6 || at == 8 || at == 10) text.push_back('-');
        text += fmt::format("{:02x}", bytes.at(at));
    }
    return text;
}

std::uint32_t random_cid(std::uint32_t other) {
    // 0 to 2 are reserved; 2^31 and more look negative in some tools.
    constexpr std::uint32_t first = 16;
    constexpr std::uint32_t count = 1U << 30U;
    for (;;) {
        const auto bytes = random_bytes<4>();
        std::uint32_t number = 0;
        std::memcpy(&number, bytes.data(), bytes.size());
        const std::uint32_t cid = first + number % count;
        if (cid != other) return cid;
    }
}

std::string random_machine_id() {
    const auto bytes = random_bytes<16>();
    std::string text;
    for (const unsigned char byte : bytes)
        text += fmt::format("{:02x}", byte);
    return text;
}

boost::json::object restore_document(const std::string& generation, boost::json::object more) {
    const auto entropy = random_bytes<32>();
    more["generation"] = generation;
    more["entropy"] = proto::to_base64(std::string(entropy.begin(), entropy.end()));
    return more;
}

} // namespace rouse::lab
