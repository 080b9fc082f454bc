#include "agent/files/tar_header.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>

namespace rouse::files {

namespace {

using proto::Parsed;
using proto::Problem;

/// Where a field lies.
struct Field {
    std::size_t at;
    std::size_t size;
};

constexpr Field name_field{0, 100};
constexpr Field mode_field{100, 8};
constexpr Field uid_field{108, 8};
constexpr Field gid_field{116, 8};
constexpr Field size_field{124, 12};
constexpr Field mtime_field{136, 12};
constexpr Field checksum_field{148, 8};
constexpr std::size_t type_at = 156;
constexpr Field link_field{157, 100};
constexpr Field magic_field{257, 8}; // with the version
constexpr Field prefix_field{345, 155};
constexpr std::string_view ustar_magic("ustar\00000", 8);

std::string_view view(const TarBlock& bytes, Field field) {
    return {bytes.data() + field.at, field.size};
}

/// Text up to the first zero byte, or the whole field.
std::string text(const TarBlock& bytes, Field field) {
    const std::string_view all = view(bytes, field);
    return std::string(all.substr(0, all.find('\0')));
}

/// Sum of all bytes, with blanks where it is itself.
template <typename Byte>
std::int64_t checksum(const TarBlock& bytes) {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const bool own = i >= checksum_field.at && i < checksum_field.at + checksum_field.size;
        sum += static_cast<Byte>(own ? ' ' : bytes[i]);
    }
    return sum;
}

Parsed<std::int64_t> decode_octal(std::string_view field, std::string_view what) {
    const auto first = field.find_first_not_of(' ');
    field.remove_prefix(first == std::string_view::npos ? field.size() : first);
    field = field.substr(0, field.find_first_of(std::string_view("\0 ", 2)));
    std::uint64_t value = 0;
    for (const char digit : field) {
        if (digit < '0' || digit > '7')
            return Problem("", fmt::format("its {} is no number", what));
        value = value * 8 + static_cast<std::uint64_t>(digit - '0');
    }
    // A field has at most 12 digits of 3 bits.
    return static_cast<std::int64_t>(value);
}

/// Two's complement, big endian, after a bit that says so. Source: GNU tar manual.
Parsed<std::int64_t> decode_binary(std::string_view field, std::string_view what) {
    const bool negative = (static_cast<unsigned char>(field[0]) & 0x40U) != 0;
    std::uint64_t value = negative ? ~0ULL : 0;
    for (std::size_t i = 0; i < field.size(); ++i) {
        unsigned byte = static_cast<unsigned char>(field[i]);
        if (i == 0) byte = negative ? byte | 0x80U : byte & 0x7fU;
        const std::uint64_t shifted_out = value >> 55U;
        if (shifted_out != (negative ? 0x1ffU : 0U))
            return Problem("", fmt::format("its {} does not fit into 64 bits", what));
        value = value << 8U | byte;
    }
    return static_cast<std::int64_t>(value);
}

void put_octal(TarBlock& bytes, Field field, std::uint64_t value) {
    const std::string digits = fmt::format("{:0{}o}", value, field.size - 1);
    std::copy(digits.begin(), digits.end(), bytes.begin() + static_cast<std::ptrdiff_t>(field.at));
}

void put_text(TarBlock& bytes, Field field, std::string_view value) {
    const std::string_view cut = value.substr(0, field.size);
    std::copy(cut.begin(), cut.end(), bytes.begin() + static_cast<std::ptrdiff_t>(field.at));
}

bool fits_octal(std::uint64_t value, Field field) {
    return value < 1ULL << (3 * (field.size - 1));
}

/// Where a name may be divided into prefix and name; nothing when it has no room.
std::optional<std::size_t> division(std::string_view name) {
    if (name.size() <= name_field.size) return 0;
    if (name.size() > name_field.size + prefix_field.size + 1) return std::nullopt;
    const std::size_t slash = name.find('/', name.size() - name_field.size - 1);
    const bool good = slash != std::string_view::npos && slash > 0 && slash <= prefix_field.size &&
                      slash + 1 < name.size();
    return good ? std::optional(slash) : std::nullopt;
}

Parsed<std::uint64_t> not_negative(std::string_view field, std::string_view what) {
    const Parsed<std::int64_t> number = decode_number(field, what);
    if (!number) return number.error();
    if (*number < 0) return Problem("", fmt::format("its {} is negative", what));
    return static_cast<std::uint64_t>(*number);
}

Parsed<void> decode_numbers(const TarBlock& bytes, TarHeader& header) {
    const Parsed<std::uint64_t> size = not_negative(view(bytes, size_field), "size");
    if (!size) return size.error();
    const Parsed<std::uint64_t> mode = not_negative(view(bytes, mode_field), "mode");
    if (!mode) return mode.error();
    const Parsed<std::uint64_t> uid = not_negative(view(bytes, uid_field), "uid");
    if (!uid) return uid.error();
    const Parsed<std::uint64_t> gid = not_negative(view(bytes, gid_field), "gid");
    if (!gid) return gid.error();
    const Parsed<std::int64_t> mtime = decode_number(view(bytes, mtime_field), "mtime");
    if (!mtime) return mtime.error();
    header.size = *size;
    header.mode = static_cast<std::uint32_t>(*mode & 07777U);
    header.uid = *uid;
    header.gid = *gid;
    header.mtime = *mtime;
    return {};
}

} // namespace

Parsed<std::int64_t> decode_number(std::string_view field, std::string_view what) {
    const bool binary = !field.empty() && (static_cast<unsigned char>(field[0]) & 0x80U) != 0;
    return binary ? decode_binary(field, what) : decode_octal(field, what);
}

bool is_zero(const TarBlock& bytes) {
    return std::ranges::all_of(bytes, [](char byte) { return byte == '\0'; });
}

Parsed<TarHeader> decode_header(const TarBlock& bytes) {
    TarHeader header;
    header.name = text(bytes, name_field);
    header.type = bytes[type_at];
    header.link = text(bytes, link_field);
    // GNU tar has other things where ustar has the prefix.
    if (view(bytes, magic_field).substr(0, 6) == ustar_magic.substr(0, 6)) {
        const std::string prefix = text(bytes, prefix_field);
        if (!prefix.empty()) header.name = fmt::format("{}/{}", prefix, header.name);
    }
    const Parsed<std::int64_t> sum = decode_number(view(bytes, checksum_field), "checksum");
    // Some old programs took the bytes as signed.
    if (!sum || (*sum != checksum<unsigned char>(bytes) && *sum != checksum<signed char>(bytes)))
        return Problem(header.name, "its header has a wrong checksum: this is no tar archive, or "
                                    "it is damaged");
    if (const Parsed<void> numbers = decode_numbers(bytes, header); !numbers)
        return Problem(header.name, numbers.error().why);
    return header;
}

HeaderRoom room_for(const TarHeader& header) {
    const bool after_1970 = header.mtime >= 0;
    return {.name = division(header.name).has_value(),
            .link = header.link.size() <= link_field.size,
            .size = fits_octal(header.size, size_field),
            .uid = fits_octal(header.uid, uid_field),
            .gid = fits_octal(header.gid, gid_field),
            .mtime =
                after_1970 && fits_octal(static_cast<std::uint64_t>(header.mtime), mtime_field)};
}

TarBlock encode_header(const TarHeader& header) {
    TarBlock bytes{};
    const HeaderRoom room = room_for(header);
    const std::string_view name = header.name;
    const std::size_t slash = division(name).value_or(0);
    put_text(bytes, prefix_field, name.substr(0, slash));
    put_text(bytes, name_field, slash == 0 ? name : name.substr(slash + 1));
    put_octal(bytes, mode_field, header.mode);
    put_octal(bytes, uid_field, room.uid ? header.uid : 0);
    put_octal(bytes, gid_field, room.gid ? header.gid : 0);
    put_octal(bytes, size_field, room.size ? header.size : 0);
    put_octal(bytes, mtime_field, room.mtime ? static_cast<std::uint64_t>(header.mtime) : 0);
    bytes[type_at] = header.type;
    put_text(bytes, link_field, header.link);
    put_text(bytes, magic_field, ustar_magic);
    const auto sum = static_cast<std::uint64_t>(checksum<unsigned char>(bytes));
    put_octal(bytes, {checksum_field.at, checksum_field.size - 1}, sum);
    bytes[checksum_field.at + checksum_field.size - 1] = ' ';
    return bytes;
}

} // namespace rouse::files
