#include "agent/debug/debug_command.hpp"

#include "agent/debug/local_http.hpp"
#include "proto/fields.hpp"
#include "proto/tables/tables.hpp"

#include <fmt/format.h>

#include <cstdio>

namespace rouse::debug {

namespace {

int complain(const std::string& what) {
    fmt::print(stderr, "rouse: {}\n", what);
    return 1;
}

/// Prints each whole line of what has come; keeps the rest.
bool print_lines(std::string& waiting, std::string_view piece, bool json) {
    waiting += piece;
    for (std::size_t end = waiting.find('\n'); end != std::string::npos; end = waiting.find('\n')) {
        const std::string line = waiting.substr(0, end + 1);
        waiting.erase(0, end + 1);
        const proto::Parsed<boost::json::value> event = proto::parse_json(line);
        fmt::print("{}", json || !event ? line : proto::tables::event_line(*event));
    }
    // Whoever follows wants each line now; a reader that has gone wants no more.
    return std::fflush(stdout) == 0;
}

int show_events(const DebugRequest& request, const std::string& socket) {
    std::string waiting;
    const OnPiece show = [&waiting, &request](std::string_view piece) {
        return print_lines(waiting, piece, request.json);
    };
    const proto::Parsed<void> shown =
        local_stream(socket, request.follow ? "/v1/events?follow=1" : "/v1/events", show);
    return shown ? 0 : complain(shown.error().message());
}

} // namespace

int debug_command(const DebugRequest& request) {
    const std::string socket = request.socket.empty() ? default_socket : request.socket;
    if (request.topic == "events") return show_events(request, socket);
    const proto::Parsed<std::string> body = local_get(socket, "/v1/debug/" + request.topic);
    if (!body) return complain(body.error().message());
    const proto::Parsed<boost::json::value> document = proto::parse_json(*body);
    if (!document) return complain(fmt::format("{}: {}", socket, document.error().message()));
    const proto::tables::Topic* const topic = proto::tables::find_topic(request.topic);
    const bool as_table = topic != nullptr && !request.json;
    fmt::print("{}", as_table ? topic->table(*document) : *body + "\n");
    return 0;
}

} // namespace rouse::debug
