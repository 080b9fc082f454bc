#include "tools/host/interface_words.hpp"

#include "proto/interface_words.hpp"

#include <fmt/format.h>

namespace rouse::host {

Outcome<proto::NetworkInterface> parse_interface(std::string_view text) {
    proto::Parsed<proto::NetworkInterface> parsed = proto::parse_interface_words(text);
    if (parsed) return std::move(*parsed);
    const proto::Problem problem = parsed.error();
    if (problem.where.empty())
        return Failure(fmt::format("'{}' is not INTERFACE=ADDRESS/LENGTH[,…]", text));
    return Failure(fmt::format("'{}': {}", text, problem.message()));
}

} // namespace rouse::host
