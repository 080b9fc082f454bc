#include "proto/forward.hpp"

namespace rouse::proto {

namespace json = boost::json;

namespace {

constexpr std::uint32_t highest_port = 65535;
constexpr std::size_t longest_socket_path = 107; // sockaddr_un without its zero

} // namespace

json::value to_json(const ForwardRequest& request) {
    json::object object;
    if (request.tcp) object["tcp"] = *request.tcp;
    if (request.socket) object["unix"] = *request.socket;
    return object;
}

Parsed<ForwardRequest> parse_forward_request(std::string_view body) {
    const Parsed<json::value> document = parse_json(body);
    if (!document) return document.error();
    ForwardRequest request;
    Problems problems;
    Fields fields(*document, "$", problems);
    std::uint32_t port = 0;
    fields.read("tcp", port, 1, highest_port);
    if (port != 0) request.tcp = static_cast<std::uint16_t>(port);
    std::string path;
    fields.read("unix", path);
    if (!path.empty()) request.socket = path;
    if (request.socket && (path.front() != '/' || path.size() > longest_socket_path ||
                           path.find('\0') != std::string::npos))
        fields.fail("unix", "must be an absolute path of at most 107 bytes");
    fields.finish();
    problems.errors.insert(problems.errors.end(), problems.unknown.begin(), problems.unknown.end());
    if (problems.errors.empty() && request.tcp.has_value() == request.socket.has_value())
        return Problem("$", "must have one of tcp and unix");
    return value_or_first(std::move(request), problems);
}

json::value to_json(const ConnectFailure& failure) {
    return json::object{
        {"kind", "connect"}, {"errno", failure.error}, {"message", failure.message}};
}

} // namespace rouse::proto
