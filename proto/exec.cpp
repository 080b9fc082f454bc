#include "proto/exec.hpp"

#include "proto/base64.hpp"
#include "proto/text.hpp"

namespace rouse::proto {

namespace json = boost::json;

json::object bytes_to_json(std::string_view bytes) {
    if (is_utf8(bytes)) return {{"text", bytes}};
    return {{"base64", to_base64(bytes)}};
}

Parsed<std::string> bytes_from_json(const json::value& value, const std::string& path) {
    if (value.is_string()) return json::value_to<std::string>(value);
    Problems problems;
    Fields fields(value, path, problems);
    std::optional<std::string> text;
    std::optional<std::string> base64;
    fields.read("text", text);
    fields.read("base64", base64);
    if (!problems.errors.empty()) return problems.errors.front();
    if (text.has_value() == base64.has_value())
        return Problem{path, "must have either text or base64"};
    if (text) return *text;
    Parsed<std::string> bytes = from_base64(*base64);
    if (!bytes) return Problem{path + ".base64", bytes.error().why};
    return bytes;
}

void read_command(Fields& fields, Command& command) {
    fields.read("argv", command.argv);
    fields.read("env", command.env);
    fields.read("cwd", command.cwd);
    fields.read("user", command.user);
    read_process_attributes(fields, command.attributes);
    for (const auto& [name, value] : command.env)
        if (name.empty() || name.find('=') != std::string::npos)
            fields.fail("env", "has a name that is empty or contains '='");
    for (const std::string& argument : command.argv)
        if (argument.find('\0') != std::string::npos) fields.fail("argv", "contains a NUL byte");
}

void add_to_json(json::object& object, const Command& command) {
    object["argv"] = json::value_from(command.argv);
    if (!command.env.empty()) object["env"] = json::value_from(command.env);
    if (!command.cwd.empty()) object["cwd"] = command.cwd;
    if (!command.user.empty()) object["user"] = command.user;
    add_to_json(object, command.attributes);
}

json::value to_json(const ExecRequest& request) {
    json::object object;
    add_to_json(object, request.command);
    if (!request.stdin_bytes.empty()) object["stdin"] = bytes_to_json(request.stdin_bytes);
    add_to_json(object, request.session);
    return object;
}

Parsed<ExecRequest> parse_exec_request(std::string_view body) {
    Parsed<json::value> document = parse_json(body);
    if (!document) return document.error();
    ExecRequest request;
    Problems problems;
    Fields fields(*document, "$", problems);
    fields.require("argv");
    read_command(fields, request.command);
    read_session_options(fields, request.session, problems);
    if (const json::value* input = fields.raw("stdin")) {
        Parsed<std::string> bytes = bytes_from_json(*input, "$.stdin");
        if (!bytes) return bytes.error();
        request.stdin_bytes = std::move(*bytes);
    }
    fields.finish();
    if (problems.errors.empty() && request.command.argv.empty())
        fields.fail("argv", "must name a program");
    problems.errors.insert(problems.errors.end(), problems.unknown.begin(), problems.unknown.end());
    return value_or_first(std::move(request), problems);
}

namespace {

json::object to_json(const Captured& captured) {
    json::object object = bytes_to_json(captured.bytes);
    object["truncated"] = captured.truncated;
    return object;
}

void read_captured(Fields& fields, std::string_view key, Captured& captured, Problems& problems) {
    const json::value* value = fields.raw(key);
    if (value == nullptr) return;
    Parsed<std::string> bytes = bytes_from_json(*value, fields.path_of(key));
    if (!bytes)
        problems.errors.push_back(bytes.error());
    else
        captured.bytes = std::move(*bytes);
    Fields(*value, fields.path_of(key), problems).read("truncated", captured.truncated);
}

} // namespace

json::value to_json(const ExecResult& result) {
    json::object object;
    if (result.exit) object["exit"] = to_json(*result.exit);
    if (result.error) object["error"] = to_json(*result.error);
    object["stdout"] = to_json(result.out);
    object["stderr"] = to_json(result.err);
    return object;
}

Parsed<ExecResult> parse_exec_result(std::string_view body) {
    Parsed<json::value> document = parse_json(body);
    if (!document) return document.error();
    ExecResult result;
    Problems problems;
    Fields fields(*document, "$", problems);
    if (const json::value* exit = fields.raw("exit")) {
        Parsed<ExitStatus> status = parse_exit_status(*exit, "$.exit");
        if (!status) return status.error();
        result.exit = *status;
    }
    if (const json::value* error = fields.raw("error")) {
        Parsed<SpawnFailure> failure = parse_spawn_failure(*error);
        if (!failure) return failure.error();
        result.error = std::move(*failure);
    }
    read_captured(fields, "stdout", result.out, problems);
    read_captured(fields, "stderr", result.err, problems);
    return value_or_first(std::move(result), problems);
}

} // namespace rouse::proto
