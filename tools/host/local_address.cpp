#include "tools/host/local_address.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include <netinet/in.h>
#include <sys/un.h>

namespace rouse::host {
namespace {

std::optional<std::uint16_t> to_port(std::string_view text) {
    std::uint16_t value = 0;
    const char* end = text.data() + text.size();
    const auto [last, error] = std::from_chars(text.data(), end, value);
    if (text.empty() || error != std::errc() || last != end) return std::nullopt;
    return value;
}

Outcome<LocalAddress> parse_path(std::string_view text, std::string_view path) {
    if (path.size() >= sizeof(sockaddr_un::sun_path))
        return Failure(fmt::format("'{}': the path has {} bytes, a Unix socket takes {}", text,
                                   path.size(), sizeof(sockaddr_un::sun_path) - 1));
    if (path.empty() || path.ends_with('/'))
        return Failure(fmt::format("'{}' names no socket", text));
    return LocalAddress{
        .kind = LocalAddress::Kind::unix_socket, .port = 0, .path = std::string(path)};
}

} // namespace

std::string LocalAddress::text() const {
    if (kind == Kind::unix_socket) return "unix:" + path;
    return fmt::format("tcp:127.0.0.1:{}", port);
}

Endpoint LocalAddress::endpoint() const {
    if (kind == Kind::unix_socket) return unix_endpoint(path);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return {&address, sizeof address};
}

Outcome<LocalAddress> parse_local_address(std::string_view text) {
    constexpr std::string_view unix_prefix = "unix:";
    constexpr std::string_view tcp_prefix = "tcp:";
    if (text.starts_with(unix_prefix)) return parse_path(text, text.substr(unix_prefix.size()));
    if (text.starts_with('/')) return parse_path(text, text);
    std::string_view rest = text;
    if (rest.starts_with(tcp_prefix)) rest.remove_prefix(tcp_prefix.size());
    const std::size_t colon = rest.rfind(':');
    const std::string_view name =
        colon == std::string_view::npos ? "127.0.0.1" : rest.substr(0, colon);
    const auto port = to_port(colon == std::string_view::npos ? rest : rest.substr(colon + 1));
    if (!port)
        return Failure(
            fmt::format("'{}' is neither unix:PATH nor tcp:127.0.0.1:PORT nor a port", text));
    if (name != "127.0.0.1" && name != "localhost")
        return Failure(fmt::format("'{}': only 127.0.0.1 is allowed, not '{}': whoever reaches it "
                                   "has root in the guest",
                                   text, name));
    return LocalAddress{.kind = LocalAddress::Kind::tcp, .port = *port, .path = {}};
}

Outcome<ForwardRule> parse_forward_rule(std::string_view text) {
    std::string why; // of the first colon that has something sound on one side
    for (std::size_t at = text.find(':'); at != std::string_view::npos;
         at = text.find(':', at + 1)) {
        const auto local = parse_local_address(text.substr(0, at));
        const auto remote = parse_local_address(text.substr(at + 1));
        const bool anywhere =
            remote && remote->kind == LocalAddress::Kind::tcp && remote->port == 0;
        if (local && remote && !anywhere) return ForwardRule{*local, *remote};
        if (!why.empty() || (!local && !remote)) continue;
        if (!local) why = local.error().message;
        if (local) why = remote ? "the guest's port must not be 0" : remote.error().message;
    }
    return Failure(fmt::format("'{}' is not LOCAL:REMOTE such as 8080:tcp:80 or "
                               "/run/db.sock:unix:/run/db.sock{}{}",
                               text, why.empty() ? "" : ": ", why));
}

} // namespace rouse::host
