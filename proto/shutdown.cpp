#include "proto/shutdown.hpp"

#include "proto/enum_field.hpp"

#include <array>

namespace rouse::proto {

namespace json = boost::json;

namespace {

constexpr std::array<std::string_view, 2> shutdown_actions{"poweroff", "reboot"};

} // namespace

json::object to_json(const ShutdownRequest& request) {
    return {{"action", shutdown_actions.at(static_cast<std::size_t>(request.action))},
            {"now", request.now}};
}

Parsed<ShutdownRequest> parse_shutdown_request(std::string_view body) {
    ShutdownRequest request;
    if (body.empty()) return request;
    const Parsed<json::value> document = parse_json(body);
    if (!document) return document.error();
    Problems problems;
    Fields fields(*document, "$", problems);
    read_enum(fields, "action", shutdown_actions, request.action);
    fields.read("now", request.now);
    fields.finish();
    // Who is mistaken about a key would not get the end that is meant.
    problems.errors.insert(problems.errors.end(), problems.unknown.begin(), problems.unknown.end());
    return value_or_first(request, problems);
}

json::object to_json(const ShutdownAccepted& accepted) {
    return {{"action", accepted.action}, {"now", accepted.now}, {"under_way", accepted.under_way}};
}

Parsed<ShutdownAccepted> parse_shutdown_accepted(std::string_view body) {
    const Parsed<json::value> document = parse_json(body);
    if (!document) return document.error();
    ShutdownAccepted accepted;
    Problems problems;
    Fields fields(*document, "$", problems);
    fields.require("action");
    fields.read("action", accepted.action);
    fields.read("now", accepted.now);
    fields.read("under_way", accepted.under_way);
    return value_or_first(std::move(accepted), problems);
}

} // namespace rouse::proto
