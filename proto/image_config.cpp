#include "proto/image_config.hpp"

#include "proto/signal_names.hpp"

#include <fmt/format.h>

namespace rouse::proto {

namespace json = boost::json;

namespace {

/// Images say null for what they do not have.
void read_words(Fields& fields, std::string_view key, std::vector<std::string>& words) {
    const json::value* const value = fields.raw(key);
    if (value != nullptr && !value->is_null()) fields.read(key, words);
}

void read_text(Fields& fields, std::string_view key, std::string& target) {
    std::optional<std::string> text;
    fields.read(key, text);
    if (text && !text->empty()) target = *text;
}

/// "NAME=VALUE" each.
void read_variables(Fields& fields, std::map<std::string, std::string>& env) {
    std::vector<std::string> entries;
    read_words(fields, "Env", entries);
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const std::size_t equals = entries[i].find('=');
        if (equals == std::string::npos || equals == 0)
            fields.fail(fmt::format("Env[{}]", i), "must be NAME=VALUE");
        else
            env[entries[i].substr(0, equals)] = entries[i].substr(equals + 1);
    }
}

void read_signal(Fields& fields, int& signal) {
    std::optional<std::string> text;
    fields.read("StopSignal", text);
    if (!text || text->empty()) return;
    if (const std::optional<int> number = signal_number(*text))
        signal = *number;
    else
        fields.fail("StopSignal", R"(must be a signal: "SIGTERM", "TERM" or "15")");
}

} // namespace

bool is_image_config(const json::value& document) {
    const json::object* const object = document.if_object();
    if (object == nullptr) return false;
    return object->contains("config") ||
           (object->contains("architecture") && object->contains("os"));
}

void read_image_config(const json::value& document, Config& config, Problems& problems) {
    const json::object* const object = document.if_object();
    const json::value* const value = object != nullptr ? object->if_contains("config") : nullptr;
    if (value == nullptr || value->is_null()) return;
    Fields fields(*value, "$.config", problems);
    std::vector<std::string> argv;
    std::vector<std::string> arguments;
    read_words(fields, "Entrypoint", argv);
    read_words(fields, "Cmd", arguments);
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    if (!argv.empty()) config.workload.argv = std::move(argv);
    read_variables(fields, config.workload.env);
    read_text(fields, "WorkingDir", config.workload.cwd);
    read_text(fields, "User", config.workload.user);
    read_signal(fields, config.supervision.stop_signal);
}

} // namespace rouse::proto
