// Documents and queries that are no good.

#include "tests/process/hostile_rows.hpp"

namespace rouse::test {
namespace {

BadRequest command_row(std::string name, std::string_view body, std::string says) {
    return {std::move(name), request_text("POST", "/v1/exec", body), 400, std::move(says)};
}

/// One more member beside a good argv.
BadRequest member_row(std::string name, std::string_view member, std::string says) {
    return command_row(std::move(name), fmt::format(R"({{"argv": ["true"], {}}})", member),
                       std::move(says));
}

/// The same, where it is no malformed document, but no process can be like that.
BadRequest spawn_row(std::string name, std::string_view member, std::string says) {
    BadRequest row = member_row(std::move(name), member, "spawn: " + std::move(says));
    row.status = 200;
    return row;
}

std::string nested(int depth) {
    std::string text;
    for (int i = 0; i < depth; ++i)
        text += R"({"a": )";
    return text + "1" + std::string(static_cast<std::size_t>(depth), '}');
}

std::vector<BadRequest> bad_json() {
    const std::string syntax = "not valid JSON at byte ";
    return {
        command_row("brackets without an end", std::string(100'000, '['), "too deep"),
        command_row("brackets up to the limit",
                    std::string(500'000, '[') + std::string(500'000, ']'), "too deep"),
        member_row("objects in objects", "\"env\": " + nested(5000), "too deep"),
        command_row("no document", "", syntax + "0: incomplete JSON"),
        command_row("text", "\"text\"", "$: must be an object"),
        command_row("a list", "[]", "$: must be an object"),
        command_row("null", "null", "$: must be an object"),
        command_row("two documents", R"({"argv": ["true"]} {})", "text after the value"),
        command_row("a comment", R"(/* x */{"argv": ["true"]})", syntax + "0: syntax error"),
        command_row("a byte order mark", "\xef\xbb\xbf{\"argv\": [\"true\"]}", syntax + "0"),
        command_row("no UTF-8", "{\"argv\": [\"\xff\xfe\"]}", syntax + "11: syntax error"),
        command_row("overlong UTF-8", "{\"argv\": [\"\xc0\x80\"]}", syntax + "11: syntax error"),
        command_row("half a surrogate", R"({"argv": ["\ud800"]})", syntax),
        command_row("a member twice", R"({"argv": ["true"], "argv": ["false"]})",
                    "a member comes twice"),
        member_row("a name of the environment twice", R"("env": {"A": "1", "\u0041": "2"})",
                   "a member comes twice"),
        member_row("no number", R"("timeout_ms": NaN)", syntax),
    };
}

std::vector<BadRequest> bad_commands() {
    const std::string milliseconds = "must be a whole number from 0 to 86400000";
    const std::string name = "$.id: must be 1 to 64 letters";
    return {
        command_row("no command", "{}", "$.argv: is missing"),
        command_row("null for a command", R"({"argv": null})", "$.argv: must be an array"),
        command_row("a number in a command", R"({"argv": [1]})", "$.argv[0]: must be a string"),
        command_row("an empty command", R"({"argv": []})", "$.argv: must name a program"),
        command_row("a zero byte", R"({"argv": ["a\u0000b"]})", "$.argv: contains a NUL byte"),
        member_row("an unknown member", R"("frobnicate": 1)", "$.frobnicate"),
        member_row("a name with =", R"("env": {"A=B": "x"})", "empty or contains '='"),
        member_row("an empty name", R"("env": {"": "x"})", "empty or contains '='"),
        member_row("a huge number", R"("timeout_ms": 1e400)", milliseconds),
        member_row("2^64", R"("timeout_ms": 18446744073709551616)", milliseconds),
        member_row("2^64 - 1", R"("kill_grace_ms": 18446744073709551615)", milliseconds),
        member_row("a negative number", R"("reattach_grace_ms": -1)", milliseconds),
        member_row("a fraction", R"("timeout_ms": 1.5)", milliseconds),
        member_row("an id of dots", R"("id": "..")", name),
        member_row("an id with a slash", R"("id": "a/b")", name),
        member_row("an id of 65 letters", fmt::format("\"id\": \"{}\"", std::string(65, 'x')),
                   name),
        member_row("an id with a zero byte", R"("id": "a\u0000")", name),
        member_row("the workload's id", R"("id": "main")", name),
    };
}

std::vector<BadRequest> bad_attributes() {
    return {
        member_row("an unknown limit", R"("rlimits": {"nofiles": 1})", "$.rlimits.nofiles"),
        member_row("a negative limit", R"("rlimits": {"nofile": -1})", "$.rlimits.nofile"),
        member_row("a limit of 2^64", R"("rlimits": {"nofile": 18446744073709551616})",
                   "$.rlimits.nofile: must be a whole number"),
        member_row("a limit above its own", R"("rlimits": {"nofile": {"soft": 2, "hard": 1}})",
                   "$.rlimits.nofile.soft: must not be above hard"),
        member_row("a terminal without a stream", R"("tty": {"rows": 1, "columns": 1})",
                   "$.tty: needs a stream"),
        member_row("a terminal that is too large",
                   R"("detach": true, "tty": {"rows": 70000, "columns": 1})",
                   "$.tty.rows: must be a whole number from 1 to 65535"),
        member_row("a terminal of nothing", R"("detach": true, "tty": {"rows": 0, "columns": 0})",
                   "$.tty.rows: must be a whole number from 1 to 65535"),
        member_row("a score beyond its range", R"("oom_score_adj": 1001)", "$.oom_score_adj"),
        member_row("a mask that is not octal", R"("umask": "999")", "$.umask"),
        member_row("no capability", R"("capabilities": {"drop": ["NOPE"]})", "\"NOPE\" is not"),
        member_row("a weight of nothing", R"("cgroup": {"cpu_weight": 0})", "$.cgroup.cpu_weight"),
        member_row("bytes twice", R"("stdin": {"text": "a", "base64": "AA=="})", "$.stdin: must"),
        member_row("bytes that are no base64", R"("stdin": {"base64": "!!!"})", "$.stdin.base64"),
        spawn_row("a zero byte in the environment", R"("env": {"A": "x\u0000y"})", "env has a"),
        spawn_row("a zero byte in a directory", R"("cwd": "/tmp\u0000x")", "cwd contains a zero"),
        spawn_row("a user that is no number", R"("user": "99999999999")", "\"99999999999\""),
        spawn_row("a directory of 5000 letters", "\"cwd\": \"/" + std::string(5000, 'x') + "\"",
                  "\"/xxx"),
    };
}

BadRequest query_row(std::string name, std::string_view target, std::string says) {
    return {std::move(name), request_text("GET", target), 400, std::move(says)};
}

BadRequest post_row(std::string name, std::string_view path, std::string_view body,
                    std::string says, int status = 400) {
    return {std::move(name), request_text("POST", path, body), status, std::move(says)};
}

BadRequest forward_row(std::string name, std::string_view body, std::string says) {
    return {std::move(name), upgrade_text("/v1/forward", body), 400, std::move(says)};
}

} // namespace

const std::vector<BadRequest>& hostile_commands() {
    static const std::vector<BadRequest> rows = [] {
        std::vector<BadRequest> all = bad_json();
        for (const auto& more : {bad_commands(), bad_attributes()})
            all.insert(all.end(), more.begin(), more.end());
        return all;
    }();
    return rows;
}

const std::vector<BadRequest>& hostile_documents() {
    const std::string signal = "$.signal: must be a whole number from 1 to 64";
    const std::string main_signal = "/v1/sessions/main/signal";
    static const std::vector<BadRequest> rows{
        post_row("signal 0", main_signal, R"({"signal": 0})", signal),
        post_row("signal 65", main_signal, R"({"signal": 65})", signal),
        post_row("a negative signal", main_signal, R"({"signal": -9})", signal),
        post_row("a signal by name", main_signal, R"({"signal": "KILL"})", signal),
        post_row("a size without a terminal", "/v1/sessions/main/resize",
                 R"({"rows": 1, "columns": 1})", "no_terminal", 409),
        post_row("a size that is too large", "/v1/sessions/main/resize",
                 R"({"rows": 65536, "columns": 1})", "$.rows: must be a whole number from 1"),
        post_row("a generation that is none", "/v1/restore", R"({"generation": "x"})",
                 "$.generation: must be a UUID"),
        post_row("too much entropy", "/v1/restore",
                 fmt::format(R"({{"entropy": "{}"}})", std::string(1000, 'A')),
                 "$.entropy: must have at most 512 bytes"),
        query_row("a time that is none", "/v1/sessions/main/wait?timeout_ms=x", "timeout_ms: must"),
        query_row("an event that is none", "/v1/events?since=-1", "since: is no event's number"),
        query_row("output of stdin", "/v1/workload/output?stream=stdin", "stream=stdout|stderr"),
        query_row("output from nowhere", "/v1/workload/output?stream=stdout&from=-1",
                  "from=OFFSET"),
        forward_row("a forward to port 0", R"({"tcp": 0})", "$.tcp: must be a whole number from 1"),
        forward_row("a forward to port 65536", R"({"tcp": 65536})",
                    "$.tcp: must be a whole number"),
        forward_row("a forward to two places", R"({"tcp": 1, "unix": "/x"})", "must have one of"),
        forward_row("a forward to a relative path", R"({"unix": "x"})",
                    "$.unix: must be an absolute"),
        forward_row("a forward to a path that is too long",
                    fmt::format(R"({{"unix": "/{}"}})", std::string(200, 'x')),
                    "at most 107 bytes"),
    };
    return rows;
}

} // namespace rouse::test
