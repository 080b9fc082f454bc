#include "proto/exit_status.hpp"

#include "proto/signal_names.hpp"

#include <fmt/format.h>

#include <cerrno>

namespace rouse::proto {

namespace json = boost::json;

namespace {

json::value nullable(const std::optional<std::uint64_t>& number) {
    return number ? json::value(*number) : json::value(nullptr);
}

} // namespace

json::value to_json(const ExitStatus& status) {
    return {{"code", nullable(status.code)},
            {"signal", nullable(status.signal)},
            {"core", status.core},
            {"oom", status.oom},
            {"wall_us", status.wall_us},
            {"rusage",
             {{"user_us", status.user_us},
              {"system_us", status.system_us},
              {"max_rss_kib", status.max_rss_kib}}}};
}

Parsed<ExitStatus> parse_exit_status(const json::value& value, const std::string& path) {
    ExitStatus status;
    Problems problems;
    Fields fields(value, path, problems);
    fields.read("code", status.code);
    fields.read("signal", status.signal);
    fields.read("core", status.core);
    fields.read("oom", status.oom);
    fields.read("wall_us", status.wall_us);
    if (const json::value* rusage = fields.raw("rusage")) {
        Fields used(*rusage, path + ".rusage", problems);
        used.read("user_us", status.user_us);
        used.read("system_us", status.system_us);
        used.read("max_rss_kib", status.max_rss_kib);
    }
    if (status.code.has_value() == status.signal.has_value())
        fields.fail("", "must have either a code or a signal");
    return value_or_first(status, problems);
}

int shell_exit_code(const ExitStatus& status) {
    if (status.signal) return 128 + static_cast<int>(*status.signal);
    return static_cast<int>(status.code.value_or(0));
}

std::string describe(const ExitStatus& status) {
    if (!status.signal) return fmt::format("exit code {}", status.code.value_or(0));
    return fmt::format("signal {} ({}){}{}", *status.signal,
                       signal_name(static_cast<int>(*status.signal)),
                       status.core ? ", core dumped" : "", status.oom ? ", out of memory" : "");
}

json::value to_json(const SpawnFailure& failure) {
    return {{"kind", "spawn"},
            {"stage", failure.stage},
            {"errno", failure.error},
            {"message", failure.message},
            {"path", failure.path}};
}

Parsed<SpawnFailure> parse_spawn_failure(const json::value& value) {
    SpawnFailure failure;
    Problems problems;
    Fields fields(value, "$", problems);
    fields.require("stage");
    fields.read("stage", failure.stage);
    fields.read("errno", failure.error);
    fields.read("message", failure.message);
    fields.read("path", failure.path);
    return value_or_first(std::move(failure), problems);
}

int shell_exit_code(const SpawnFailure& failure) {
    return failure.stage == "exec" && failure.error == ENOENT ? 127 : 126;
}

} // namespace rouse::proto
