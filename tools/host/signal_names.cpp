#include "tools/host/signal_names.hpp"

#include "proto/signal_names.hpp"

#include <fmt/format.h>

namespace rouse::host {

Outcome<int> parse_signal(std::string_view text) {
    if (const std::optional<int> number = proto::signal_number(text)) return *number;
    return Failure(fmt::format("'{}' is no signal: give TERM, SIGTERM or 15", text));
}

} // namespace rouse::host
