#include "proto/config.hpp"

#include "proto/enum_field.hpp"
#include "proto/image_config.hpp"

#include <algorithm>
#include <array>
#include <string>

#include <arpa/inet.h>

namespace rouse::proto {

namespace json = boost::json;

namespace {

constexpr std::array<std::string_view, 3> on_exit_names = {"poweroff", "reboot", "stay"};
constexpr std::array<std::string_view, 3> boot_sources = {"file", "link", "mmds"};
constexpr std::array<std::string_view, 7> boot_members = {
    "workload", "restart", "ready", "stop_signal", "stop_grace_ms", "on_exit", "exit_report"};
constexpr std::array<std::string_view, 3> power_names = {"auto", "poweroff", "reboot"};
constexpr std::array<std::string_view, 2> policy_names = {"drop", "block"};
constexpr std::array<std::string_view, 3> send_names = {"auto", "splice", "copy"};
constexpr std::array<std::string_view, 2> console_names = {"off", "fallback"};
constexpr std::array<std::string_view, 3> mmds_versions = {"auto", "v1", "v2"};

void read_ports(const json::value& value, Ports& ports, Problems& problems) {
    constexpr std::uint32_t highest = UINT32_MAX - 1;
    Fields fields(value, "$.ports", problems);
    fields.read("exec", ports.exec, 1, highest);
    fields.read("link", ports.link, 1, highest);
    fields.read("output", ports.output, 1, highest);
    fields.finish();
}

void read_stream(const json::value* value, const std::string& path, OutputPolicy& policy,
                 Problems& problems) {
    if (value == nullptr) return;
    Fields fields(*value, path, problems);
    read_enum(fields, "policy", policy_names, policy);
    fields.finish();
}

void read_output(const json::value& value, OutputConfig& output, Problems& problems) {
    Fields fields(value, "$.output", problems);
    read_stream(fields.raw("stdout"), "$.output.stdout", output.stdout_policy, problems);
    read_stream(fields.raw("stderr"), "$.output.stderr", output.stderr_policy, problems);
    read_enum(fields, "send", send_names, output.send);
    read_enum(fields, "console", console_names, output.console);
    fields.finish();
}

bool is_numeric_address(const std::string& text) {
    std::array<unsigned char, sizeof(in6_addr)> address{};
    return ::inet_pton(AF_INET, text.c_str(), address.data()) == 1 ||
           ::inet_pton(AF_INET6, text.c_str(), address.data()) == 1;
}

/// Whether the text is a path that needs no escapes in a request.
bool is_plain_path(std::string_view text) {
    const auto is_plain = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view("/-._~").find(c) != std::string_view::npos;
    };
    return text.starts_with('/') && std::all_of(text.begin(), text.end(), is_plain);
}

void read_mmds(const json::value& value, MmdsConfig& mmds, Problems& problems) {
    constexpr std::uint32_t highest_port = 65535;
    Fields fields(value, "$.restore.mmds", problems);
    fields.read("enabled", mmds.enabled);
    fields.read("address", mmds.address);
    if (!is_numeric_address(mmds.address)) fields.fail("address", "must be an IP address");
    fields.read("port", mmds.port, 1, highest_port);
    fields.read("path", mmds.path);
    if (!is_plain_path(mmds.path))
        fields.fail("path", "must begin with / and have only letters, digits and /-._~");
    fields.read("poll_ms", mmds.poll);
    if (mmds.poll < limits::mmds_poll_least) fields.fail("poll_ms", "must be at least 100");
    read_enum(fields, "version", mmds_versions, mmds.version);
    fields.finish();
}

void read_restore(const json::value& value, RestoreConfig& restore, Problems& problems) {
    Fields fields(value, "$.restore", problems);
    if (const json::value* mmds = fields.raw("mmds")) read_mmds(*mmds, restore.mmds, problems);
    fields.finish();
}

/// An empty list of words is a program that is not there, but an empty word is none.
void read_hook(Fields& fields, std::string_view key, std::vector<std::string>& argv) {
    fields.read(key, argv);
    if (!argv.empty() && argv.front().empty()) fields.fail(key, "must name a program");
}

void read_hooks(const json::value& value, HooksConfig& hooks, Problems& problems) {
    Fields fields(value, "$.hooks", problems);
    read_hook(fields, "prepare", hooks.prepare);
    read_hook(fields, "resume", hooks.resume);
    read_hook(fields, "restored", hooks.restored);
    fields.read("timeout_ms", hooks.timeout);
    if (hooks.timeout <= std::chrono::milliseconds(0) || hooks.timeout > limits::prepare_longest)
        fields.fail("timeout_ms", "must be between 1 and 600000");
    fields.finish();
}

void read_workload(const json::value& value, Config& config, Problems& problems) {
    Fields fields(value, "$.workload", problems);
    const std::map<std::string, std::string> beneath = config.workload.env;
    read_command(fields, config.workload);
    config.workload.env.insert(beneath.begin(), beneath.end());
    read_workload_terminal(fields, config.supervision.tty);
    fields.finish();
}

void read_sections(Fields& fields, Config& config, Problems& problems) {
    if (const json::value* workload = fields.raw("workload"))
        read_workload(*workload, config, problems);
    if (const json::value* ports = fields.raw("ports")) read_ports(*ports, config.ports, problems);
    if (const json::value* output = fields.raw("output"))
        read_output(*output, config.output, problems);
    if (const json::value* restore = fields.raw("restore"))
        read_restore(*restore, config.restore, problems);
    if (const json::value* hooks = fields.raw("hooks")) read_hooks(*hooks, config.hooks, problems);
    read_guest_config(fields, config.guest);
    read_workload_config(fields, config.supervision);
    read_root(fields, config.root);
    read_volumes(fields, config.volumes);
    read_swap(fields, config.swap);
    read_shutdown(fields, config.shutdown);
}

} // namespace

std::string_view name(OnExit on_exit) {
    return on_exit_names[static_cast<std::size_t>(on_exit)];
}

std::string_view name(PowerMethod method) {
    return power_names[static_cast<std::size_t>(method)];
}

std::string_view name(MmdsVersion version) {
    return mmds_versions[static_cast<std::size_t>(version)];
}

ReadConfig read_config(std::string_view text, Config base, std::vector<std::string>* known) {
    ReadConfig read{.config = std::move(base), .problems = {}};
    read.problems.known = known;
    Parsed<json::value> document = parse_json(text);
    if (!document) {
        read.problems.errors.push_back(document.error());
        return read;
    }
    if (is_image_config(*document)) {
        read_image_config(*document, read.config, read.problems);
        return read;
    }
    Config& config = read.config;
    Fields fields(*document, "$", read.problems);
    read_sections(fields, config, read.problems);
    read_enum(fields, "on_exit", on_exit_names, config.on_exit);
    read_enum(fields, "boot", boot_sources, config.boot);
    read_enum(fields, "power", power_names, config.power);
    fields.read("hostname", config.hostname);
    fields.read("stop_grace_ms", config.stop_grace);
    fields.read("write_timeout_ms", config.write_timeout);
    fields.read("confirm_deadline_ms", config.confirm_deadline);
    fields.read("token_file", config.token_file);
    fields.read("require_probe", config.require_probe);
    fields.finish();
    return read;
}

ReadConfig read_boot_document(std::string_view text, Config base) {
    ReadConfig read = read_config(text, std::move(base));
    const Parsed<json::value> document = parse_json(text);
    const json::object* const object = document ? document->if_object() : nullptr;
    if (object == nullptr || is_image_config(*document)) return read;
    for (const auto& member : *object) {
        const std::string path = "$." + std::string(member.key());
        const bool is_unknown =
            std::any_of(read.problems.unknown.begin(), read.problems.unknown.end(),
                        [&](const Problem& problem) { return problem.where == path; });
        const auto* const found =
            std::find(boot_members.begin(), boot_members.end(), std::string_view(member.key()));
        if (found == boot_members.end() && !is_unknown)
            read.problems.errors.push_back({path, "comes too late in a boot document"});
    }
    return read;
}

} // namespace rouse::proto
