#include "proto/session.hpp"

#include <algorithm>

namespace rouse::proto {

namespace json = boost::json;

namespace {

constexpr std::uint32_t longest_side = 65535; // winsize holds unsigned short
constexpr std::size_t longest_id = 64;

json::object range_to_json(const KeptRange& range) {
    return {{"oldest", range.oldest}, {"next", range.next}, {"lost", range.lost}};
}

void read_range(Fields& fields, std::string_view key, KeptRange& range, Problems& problems) {
    const json::value* value = fields.raw(key);
    if (value == nullptr) return;
    Fields members(*value, fields.path_of(key), problems);
    members.read("oldest", range.oldest);
    members.read("next", range.next);
    members.read("lost", range.lost);
}

} // namespace

void read_terminal_size(Fields& fields, TerminalSize& size) {
    fields.require("rows");
    fields.require("columns");
    fields.read("rows", size.rows, 1, longest_side);
    fields.read("columns", size.columns, 1, longest_side);
}

json::value to_json(const TerminalSize& size) {
    return json::object{{"rows", size.rows}, {"columns", size.columns}};
}

Parsed<TerminalSize> parse_terminal_size(std::string_view payload) {
    const Parsed<json::value> document = parse_json(payload);
    if (!document) return document.error();
    TerminalSize size;
    Problems problems;
    Fields fields(*document, "$", problems);
    read_terminal_size(fields, size);
    return value_or_first(size, problems);
}

bool is_session_name(std::string_view text) {
    const auto is_allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    };
    return !text.empty() && text.size() <= longest_id && text.front() != '.' &&
           std::all_of(text.begin(), text.end(), is_allowed);
}

bool is_session_id(std::string_view id) {
    return is_session_name(id) && id != "main" && !id.starts_with("files-");
}

void read_session_options(Fields& fields, SessionOptions& options, Problems& problems) {
    fields.read("id", options.id);
    if (!options.id.empty() && !is_session_id(options.id))
        fields.fail("id", "must be 1 to 64 letters, digits, '.', '_' or '-', not begin with '.' "
                          "and not be 'main'");
    if (const json::value* tty = fields.raw("tty"); tty != nullptr && !tty->is_null()) {
        Fields members(*tty, fields.path_of("tty"), problems);
        options.tty.emplace();
        read_terminal_size(members, *options.tty);
        members.finish();
    }
    fields.read("timeout_ms", options.timeout);
    fields.read("kill_grace_ms", options.kill_grace);
    fields.read("detach", options.detach);
    fields.read("reattach_grace_ms", options.reattach_grace);
    std::string on_disconnect;
    fields.read("on_disconnect", on_disconnect);
    if (on_disconnect == "keep")
        options.on_disconnect = OnDisconnect::keep;
    else if (!on_disconnect.empty() && on_disconnect != "kill")
        fields.fail("on_disconnect", "must be 'kill' or 'keep'");
}

void add_to_json(json::object& object, const SessionOptions& options) {
    const SessionOptions defaults;
    if (!options.id.empty()) object["id"] = options.id;
    if (options.tty) object["tty"] = to_json(*options.tty);
    if (options.timeout != defaults.timeout) object["timeout_ms"] = options.timeout.count();
    if (options.kill_grace != defaults.kill_grace)
        object["kill_grace_ms"] = options.kill_grace.count();
    if (options.detach) object["detach"] = true;
    if (options.on_disconnect == OnDisconnect::keep) object["on_disconnect"] = "keep";
    if (options.reattach_grace != defaults.reattach_grace)
        object["reattach_grace_ms"] = options.reattach_grace.count();
}

json::value to_json(const AttachRequest& request) {
    json::object object{{"control", request.control}};
    if (request.out) object["stdout"] = *request.out;
    if (request.err) object["stderr"] = *request.err;
    return object;
}

Parsed<AttachRequest> parse_attach_request(std::string_view body) {
    const Parsed<json::value> document = parse_json(body.empty() ? "{}" : body);
    if (!document) return document.error();
    AttachRequest request;
    Problems problems;
    Fields fields(*document, "$", problems);
    fields.read("stdout", request.out);
    fields.read("stderr", request.err);
    fields.read("control", request.control);
    fields.finish();
    problems.errors.insert(problems.errors.end(), problems.unknown.begin(), problems.unknown.end());
    return value_or_first(request, problems);
}

json::value to_json(const SessionDocument& session) {
    json::object object{{"id", session.id},
                        {"state", session.state},
                        {"program", session.program},
                        {"pid", session.pid},
                        {"tty", session.tty},
                        {"detached", session.detached},
                        {"controlled", session.controlled},
                        {"readers", session.readers},
                        {"age_ms", session.age_ms},
                        {"stdin", {{"received", session.stdin_received}}},
                        {"stdout", range_to_json(session.out)},
                        {"stderr", range_to_json(session.err)}};
    if (session.exit) object["exit"] = to_json(*session.exit);
    if (session.error) object["error"] = to_json(*session.error);
    return object;
}

Parsed<SessionDocument> parse_session_document(const json::value& value, const std::string& path) {
    SessionDocument session;
    Problems problems;
    Fields fields(value, path, problems);
    fields.require("id");
    fields.require("state");
    fields.read("id", session.id);
    fields.read("state", session.state);
    fields.read("program", session.program);
    fields.read("pid", session.pid);
    fields.read("tty", session.tty);
    fields.read("detached", session.detached);
    fields.read("controlled", session.controlled);
    fields.read("readers", session.readers);
    fields.read("age_ms", session.age_ms);
    if (const json::value* input = fields.raw("stdin"))
        Fields(*input, fields.path_of("stdin"), problems).read("received", session.stdin_received);
    read_range(fields, "stdout", session.out, problems);
    read_range(fields, "stderr", session.err, problems);
    if (const json::value* exit = fields.raw("exit")) {
        Parsed<ExitStatus> status = parse_exit_status(*exit, fields.path_of("exit"));
        if (!status) return status.error();
        session.exit = *status;
    }
    if (const json::value* error = fields.raw("error")) {
        Parsed<SpawnFailure> failure = parse_spawn_failure(*error);
        if (!failure) return failure.error();
        session.error = std::move(*failure);
    }
    return value_or_first(std::move(session), problems);
}

Parsed<std::vector<SessionDocument>> parse_session_list(std::string_view body) {
    const Parsed<json::value> document = parse_json(body);
    if (!document) return document.error();
    const json::object* object = document->if_object();
    const json::value* list = object == nullptr ? nullptr : object->if_contains("sessions");
    if (list == nullptr || !list->is_array()) return Problem("$.sessions", "must be an array");
    std::vector<SessionDocument> sessions;
    for (const json::value& value : list->get_array()) {
        Parsed<SessionDocument> session = parse_session_document(value, "$.sessions[]");
        if (!session) return session.error();
        sessions.push_back(std::move(*session));
    }
    return sessions;
}

} // namespace rouse::proto
