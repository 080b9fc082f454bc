#pragma once
// Small questions about text that documents need answered.

#include <optional>
#include <string>
#include <string_view>

namespace rouse::proto {

/// Whether `bytes` is well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, at most
/// U+10FFFF).
bool is_utf8(std::string_view bytes);

/// Bytes of a peer or a name for a document: where they are no UTF-8, each one beyond ASCII is
/// U+FFFD.
std::string as_utf8(std::string_view bytes);

/// Lower-case hexadecimal of `bytes`.
std::string to_hex(std::string_view bytes);

/// Whether `text` has the form of a UUID: 8-4-4-4-12 lower- or upper-case hexadecimal digits.
bool is_uuid(std::string_view text);

/// A version 4 UUID made of 16 random bytes (RFC 9562, section 5.4). `random` has 16 bytes.
std::string make_uuid(std::string random);

/// Whether `name` is one of the words of `list`, which commas separate.
bool lists(std::string_view list, std::string_view name);

/// Splits off what comes before `separator`, or everything; `text` is what comes behind it.
std::string_view split_off(std::string_view& text, char separator);

/// Compares in a time that depends on the lengths only, for keys and tokens.
bool equal_constant_time(std::string_view a, std::string_view b);

} // namespace rouse::proto
