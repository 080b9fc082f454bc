#pragma once
// What the metadata service gives for the document's path: the document, or in the form of IMDS
// the names of its members, each of which is then asked for. Pure.

#include "proto/restore.hpp"

#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace rouse::restore {

/// Names of members, at most limits::mmds_keys.
using MmdsKeys = std::vector<std::string>;
/// The document, the keys, or why it is neither.
using MmdsText = std::variant<proto::RestoreDocument, MmdsKeys, proto::Problem>;

/// Reads the body for the path. The form is seen from the text, since services are not to be
/// trusted with its type: an object is the document, a JSON string holds it (a store that gives out
/// only strings keeps arrays like that), and lines of plain words are keys.
MmdsText read_mmds_text(std::string_view body);

/// The document of which `members` are the texts. Numbers, arrays and objects are texts there, too.
proto::Parsed<proto::RestoreDocument>
read_mmds_members(const std::map<std::string, std::string>& members);

/// What the document is compared by: its generation, so that a host may renew the rest; without one
/// all of it.
std::string mmds_value(const proto::RestoreDocument& document);

/// Whether a text of the service may stand in a header of the next request: no blanks, no controls.
[[nodiscard]] bool is_mmds_token(std::string_view text);

} // namespace rouse::restore
