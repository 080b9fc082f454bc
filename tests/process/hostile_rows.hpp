#pragma once
// What is sent to the agent under `rouse run`, by what is wrong with it, and what it has to say.

#include "tests/support/bad_input.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

namespace rouse::test {

/// Request lines, targets and header lines.
[[nodiscard]] const std::vector<BadRequest>& hostile_heads();
/// Lengths, chunks, expectations and upgrades.
[[nodiscard]] const std::vector<BadRequest>& hostile_bodies();
/// ExecRequests.
[[nodiscard]] const std::vector<BadRequest>& hostile_commands();
/// Documents and queries of the other routes.
[[nodiscard]] const std::vector<BadRequest>& hostile_documents();
/// Frames on an exec stream.
[[nodiscard]] const std::vector<BadFrame>& hostile_frames();
/// Archives and their names, for a directory of the agent's.
[[nodiscard]] std::vector<BadRequest> hostile_archives(const std::string& directory);

/// A POST for a connection that ends, with more lines in its header and any body.
[[nodiscard]] inline std::string post_with(std::string_view path, std::string_view lines,
                                           std::string_view body) {
    return fmt::format("POST {} HTTP/1.1\r\nHost: guest\r\nConnection: close\r\n{}\r\n{}", path,
                       lines, body);
}

/// A POST that asks for a stream.
[[nodiscard]] inline std::string upgrade_text(std::string_view path, std::string_view body,
                                              std::string_view token = "rouse-stream.v1") {
    return request_text("POST", path, body,
                        fmt::format("Connection: Upgrade, close\r\nUpgrade: {}\r\n", token));
}

} // namespace rouse::test
