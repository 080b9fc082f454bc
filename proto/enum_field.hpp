#pragma once
// Members of a document whose value is one of a few words.

#include "proto/fields.hpp"

#include <span>
#include <string>
#include <string_view>

namespace rouse::proto {

/// "a, b or c". At least one name.
std::string alternatives(std::span<const std::string_view> names);

/// Reads the member as one of `names`, which stand in the order of the enumeration's values, from 0
/// on. A missing member leaves the target untouched; another word is an error that lists them.
template <typename Enum>
void read_enum(Fields& fields, std::string_view key, std::span<const std::string_view> names,
               Enum& target) {
    std::string text(names[static_cast<std::size_t>(target)]);
    fields.read(key, text);
    for (std::size_t i = 0; i < names.size(); ++i)
        if (names[i] == text) {
            target = static_cast<Enum>(i);
            return;
        }
    fields.fail(key, "must be " + alternatives(names));
}

} // namespace rouse::proto
