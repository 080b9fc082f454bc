#pragma once
// A plot of what was measured, as SVG: one group of horizontal bars a panel, each with its value
// written beside it. Readable on a dark and on a light background.

#include "tools/benchmark/row.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace rouse::bench {

/// `text` as character data or attribute value of XML. Control characters, which XML has no way to
/// write, become a question mark.
[[nodiscard]] std::string escape_xml(std::string_view text);

/// The whole document. Each panel has a scale of its own that begins at 0. Bars whose label begins
/// with "agent" stand out.
[[nodiscard]] std::string plot(std::string_view title, const std::vector<Panel>& panels);

} // namespace rouse::bench
