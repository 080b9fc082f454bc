#include "proto/kernel_command_line.hpp"

#include "proto/config.hpp"
#include "proto/interface_words.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <charconv>

namespace rouse::proto {

namespace json = boost::json;

namespace {

constexpr std::string_view blanks = " \t\r\n";

/// One word up to the next blank outside quotes; quotes stay. Advances `line`.
std::string_view take_word(std::string_view& line) {
    bool quoted = false;
    std::size_t end = 0;
    while (end < line.size() && (quoted || blanks.find(line[end]) == std::string_view::npos)) {
        if (line[end] == '"') quoted = !quoted;
        ++end;
    }
    const std::string_view word = line.substr(0, end);
    line.remove_prefix(end);
    return word;
}

std::string unquoted(std::string_view text) {
    std::string plain(text);
    std::erase(plain, '"');
    return plain;
}

/// How the text of a key becomes a JSON value.
enum class Form { text, number, boolean, words, interfaces };

struct Key {
    std::string_view name;
    std::string_view path; ///< member of the configuration document, names with dots between
    Form form;
};

constexpr std::array keys = {
    Key{"rouse.workload", "workload.argv", Form::words},
    Key{"rouse.user", "workload.user", Form::text},
    Key{"rouse.cwd", "workload.cwd", Form::text},
    Key{"rouse.on_exit", "on_exit", Form::text},
    Key{"rouse.power", "power", Form::text},
    Key{"rouse.hostname", "hostname", Form::text},
    Key{"rouse.exec_port", "ports.exec", Form::number},
    Key{"rouse.link_port", "ports.link", Form::number},
    Key{"rouse.output_port", "ports.output", Form::number},
    Key{"rouse.stdout_policy", "output.stdout.policy", Form::text},
    Key{"rouse.stderr_policy", "output.stderr.policy", Form::text},
    Key{"rouse.output_send", "output.send", Form::text},
    Key{"rouse.output_console", "output.console", Form::text},
    Key{"rouse.hook_prepare", "hooks.prepare", Form::words},
    Key{"rouse.hook_resume", "hooks.resume", Form::words},
    Key{"rouse.hook_restored", "hooks.restored", Form::words},
    Key{"rouse.hook_timeout_ms", "hooks.timeout_ms", Form::number},
    Key{"rouse.boot", "boot", Form::text},
    Key{"rouse.restart", "restart.policy", Form::text},
    Key{"rouse.restart_delay_ms", "restart.delay_ms", Form::number},
    Key{"rouse.restart_max", "restart.max", Form::number},
    Key{"rouse.ready_notify", "ready.notify", Form::boolean},
    Key{"rouse.ready_tcp", "ready.tcp", Form::number},
    Key{"rouse.ready_command", "ready.command", Form::words},
    Key{"rouse.ready_timeout_ms", "ready.timeout_ms", Form::number},
    Key{"rouse.stop_signal", "stop_signal", Form::text},
    Key{"rouse.notify_socket", "notify_socket", Form::text},
    Key{"rouse.exit_report_deadline_ms", "exit_report.deadline_ms", Form::number},
    Key{"rouse.stop_grace_ms", "stop_grace_ms", Form::number},
    Key{"rouse.write_timeout_ms", "write_timeout_ms", Form::number},
    Key{"rouse.confirm_deadline_ms", "confirm_deadline_ms", Form::number},
    Key{"rouse.mmds", "restore.mmds.enabled", Form::boolean},
    Key{"rouse.mmds_address", "restore.mmds.address", Form::text},
    Key{"rouse.mmds_path", "restore.mmds.path", Form::text},
    Key{"rouse.mmds_version", "restore.mmds.version", Form::text},
    Key{"rouse.require_probe", "require_probe", Form::boolean},
    Key{"rouse.network", "network", Form::interfaces},
    Key{"rouse.dns", "dns.servers", Form::words},
    Key{"rouse.dns_search", "dns.search", Form::words},
    Key{"rouse.root", "root.source", Form::text},
    Key{"rouse.rootfstype", "root.type", Form::text},
    Key{"rouse.rootflags", "root.options", Form::text},
    Key{"rouse.overlay", "root.overlay", Form::text},
    Key{"rouse.overlayflags", "root.overlay_options", Form::text},
    Key{"rouse.root_wait_ms", "root.wait_ms", Form::number},
};

Parsed<json::value> interfaces(const std::string& text) {
    std::vector<NetworkInterface> network;
    for (const std::string& word : split_words(text)) {
        Parsed<NetworkInterface> interface = parse_interface_words(word);
        if (!interface) return interface.error();
        network.push_back(std::move(*interface));
    }
    return json::value(to_json(network));
}

Parsed<json::value> to_value(const KernelParameter& parameter, Form form) {
    const std::string& text = parameter.value;
    if (form == Form::words) return json::value_from(split_words(text));
    if (form == Form::interfaces) return interfaces(text);
    if (form == Form::boolean) {
        if (text != "1" && text != "0" && text != "true" && text != "false")
            return Problem{"", "must be 0, 1, true or false"};
        return json::value(text == "1" || text == "true");
    }
    if (form == Form::number) {
        std::uint64_t number = 0;
        const char* end = text.data() + text.size();
        const auto [last, error] = std::from_chars(text.data(), end, number);
        if (error != std::errc() || last != end || text.empty())
            return Problem{"", "must be a whole number"};
        return json::value(number);
    }
    return json::value(text);
}

json::value document_with(std::string_view path, json::value value) {
    for (std::size_t dot = path.rfind('.'); dot != std::string_view::npos; dot = path.rfind('.')) {
        value = json::object{{path.substr(dot + 1), std::move(value)}};
        path.remove_suffix(path.size() - dot);
    }
    return json::object{{path, std::move(value)}};
}

/// Inside quotes only the same quote ends them; outside, either begins them.
bool opens_or_closes(char c, char quote) {
    return quote != '\0' ? c == quote : c == '\'' || c == '"';
}

} // namespace

std::vector<KernelParameter> split_kernel_command_line(std::string_view line) {
    std::vector<KernelParameter> parameters;
    for (;;) {
        const std::size_t start = line.find_first_not_of(blanks);
        if (start == std::string_view::npos) return parameters;
        line.remove_prefix(start);
        // The quotes may stand around the whole word or around the value only.
        const std::string word = unquoted(take_word(line));
        const std::size_t equals = word.find('=');
        if (equals == std::string::npos)
            parameters.push_back({word, ""});
        else
            parameters.push_back({word.substr(0, equals), word.substr(equals + 1)});
    }
}

std::vector<std::string> split_words(std::string_view text) {
    std::vector<std::string> words;
    std::string word;
    bool started = false;
    char quote = '\0';
    for (const char c : text) {
        if (opens_or_closes(c, quote)) {
            quote = quote != '\0' ? '\0' : c;
            started = true;
        } else if (quote == '\0' && blanks.find(c) != std::string_view::npos) {
            if (started) words.push_back(std::exchange(word, {}));
            started = false;
        } else {
            word += c;
            started = true;
        }
    }
    if (started) words.push_back(std::move(word));
    return words;
}

ReadConfig read_kernel_command_line(std::string_view line, Config base) {
    ReadConfig read{.config = std::move(base), .problems = {}};
    for (const KernelParameter& parameter : split_kernel_command_line(line)) {
        if (!parameter.key.starts_with("rouse.")) continue;
        const auto* const key = std::find_if(keys.begin(), keys.end(), [&](const Key& known) {
            return known.name == parameter.key;
        });
        if (key == keys.end()) {
            read.problems.unknown.push_back({parameter.key, "is not a known key"});
            continue;
        }
        const Parsed<json::value> value = to_value(parameter, key->form);
        if (!value) {
            read.problems.errors.push_back({parameter.key, value.error().message()});
            continue;
        }
        // One reader for both sources: the command line is turned into the same document.
        ReadConfig one =
            read_config(json::serialize(document_with(key->path, *value)), read.config);
        for (Problem& problem : one.problems.errors)
            read.problems.errors.push_back({parameter.key, std::move(problem.why)});
        if (one.problems.errors.empty()) read.config = std::move(one.config);
    }
    return read;
}

} // namespace rouse::proto
