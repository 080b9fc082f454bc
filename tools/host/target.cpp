#include "tools/host/target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include <sys/un.h>

namespace rouse::host {
namespace {

constexpr std::uint32_t default_exec_port = 1001;
// "_4294967295" of a listener must fit behind the path.
constexpr std::size_t longest_path = sizeof(sockaddr_un::sun_path) - 12;

std::optional<std::uint32_t> to_uint32(std::string_view text) {
    std::uint32_t value = 0;
    const char* end = text.data() + text.size();
    const auto [last, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || last != end || text.empty()) return std::nullopt;
    return value;
}

Outcome<Target> parse_vsock(std::string_view text, std::string_view rest) {
    const std::size_t colon = rest.find(':');
    const auto cid = to_uint32(rest.substr(0, colon));
    const auto port = colon == std::string_view::npos ? std::optional(default_exec_port)
                                                      : to_uint32(rest.substr(colon + 1));
    // 0, 1, 2 and the highest number are reserved (vsock(7)).
    if (!cid || *cid < 3 || *cid == UINT32_MAX)
        return Failure(fmt::format("target '{}': the CID must be a number from 3 on", text));
    if (!port || *port == 0)
        return Failure(fmt::format("target '{}': the port must be a number from 1 on", text));
    return Target{.kind = Target::Kind::vsock, .cid = *cid, .exec_port = *port, .path = {}};
}

} // namespace

std::string Target::text() const {
    if (kind == Kind::unix_socket) return "unix:" + path;
    if (exec_port == default_exec_port) return fmt::format("vsock:{}", cid);
    return fmt::format("vsock:{}:{}", cid, exec_port);
}

std::string Target::short_name() const {
    if (kind == Kind::vsock) return fmt::format("vsock-{}", cid);
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? path : path.substr(slash + 1);
}

Outcome<Target> parse_target(std::string_view text) {
    if (text.starts_with("vsock:")) return parse_vsock(text, text.substr(6));
    if (!text.starts_with("unix:"))
        return Failure(fmt::format("target '{}' is neither vsock:CID[:PORT] nor unix:PATH", text));
    const std::string_view path = text.substr(5);
    if (path.empty() || path.ends_with('/'))
        return Failure(fmt::format("target '{}' names no socket", text));
    if (path.size() > longest_path)
        return Failure(fmt::format("target '{}': the path has {} bytes, a Unix socket takes {}",
                                   text, path.size(), longest_path));
    return Target{.kind = Target::Kind::unix_socket,
                  .cid = 0,
                  .exec_port = default_exec_port,
                  .path = std::string(path)};
}

} // namespace rouse::host
