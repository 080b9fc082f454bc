#include "proto/enum_field.hpp"

namespace rouse::proto {

std::string alternatives(std::span<const std::string_view> names) {
    std::string text(names[0]);
    for (std::size_t i = 1; i < names.size(); ++i)
        text.append(i + 1 == names.size() ? " or " : ", ").append(names[i]);
    return text;
}

} // namespace rouse::proto
