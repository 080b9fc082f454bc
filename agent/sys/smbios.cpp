#include "agent/sys/smbios.hpp"

#include "agent/sys/proc.hpp"
#include "proto/text.hpp"

#include <algorithm>

namespace rouse::sys {

namespace {

using namespace std::string_view_literals;

// Offsets in the header of a structure; each is a byte.
constexpr std::size_t type_at = 0;
constexpr std::size_t length_at = 1;
constexpr std::size_t header_size = 4;
constexpr unsigned oem_strings_type = 11;
constexpr unsigned end_of_table = 127;
constexpr std::size_t longest_table = 16 * 1024 * 1024;

unsigned byte_at(std::string_view text, std::size_t offset) {
    return static_cast<unsigned char>(text[offset]);
}

} // namespace

std::vector<std::string> oem_strings(std::string_view table) {
    std::vector<std::string> strings;
    while (table.size() >= header_size && byte_at(table, type_at) != end_of_table) {
        const std::size_t length = byte_at(table, length_at);
        // The strings follow the formatted part, each with its NUL, and one more NUL ends them.
        const std::size_t end = table.find("\0\0"sv, std::max(length, header_size));
        if (length < header_size || end == std::string_view::npos) break;
        std::string_view set = table.substr(length, end - length);
        if (byte_at(table, type_at) == oem_strings_type)
            while (!set.empty())
                strings.emplace_back(proto::split_off(set, '\0'));
        table.remove_prefix(end + 2);
    }
    return strings;
}

Result<std::vector<std::string>> read_oem_strings(const std::string& file) {
    const Result<std::string> table = read_file(file, longest_table);
    if (!table) return table.error();
    return oem_strings(*table);
}

} // namespace rouse::sys
