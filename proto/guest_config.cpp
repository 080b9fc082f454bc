#include "proto/guest_config.hpp"

#include "proto/limits.hpp"
#include "proto/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace rouse::proto {

namespace json = boost::json;

namespace {

bool is_setting_letter(char c) {
    // Names of interfaces are parts of settings, and may have nearly anything.
    return c > ' ' && c != '\x7f';
}

/// A number is as good as its digits: what the kernel gets is text in any case.
std::optional<std::string> setting(const json::value& value) {
    if (value.is_string()) return json::value_to<std::string>(value);
    if (value.is_int64() || value.is_uint64()) return json::serialize(value);
    return std::nullopt;
}

/// One setting more or anew: those of a source with less to say stay.
void read_sysctls(Fields& fields, std::map<std::string, std::string>& sysctls) {
    const json::value* value = fields.raw("sysctls");
    if (value == nullptr) return;
    if (!value->is_object()) return fields.fail("sysctls", "must be an object");
    for (const auto& member : value->get_object()) {
        const std::string name(member.key());
        const std::string key = fmt::format("sysctls.{}", name);
        const std::optional<std::string> text = setting(member.value());
        if (sysctl_path(name).empty())
            fields.fail(key, "must be named as in sysctl(8), such as net.ipv4.ip_forward");
        else if (!text)
            fields.fail(key, "must be a string or a whole number");
        else if (text->empty() || text->find('\0') != std::string::npos)
            fields.fail(key, "must not be empty, and without NUL");
        else
            sysctls[name] = *text;
    }
}

HostsEntry read_hosts_entry(Fields fields) {
    HostsEntry entry;
    std::string address;
    for (const std::string_view key : {"address", "names"})
        fields.require(key);
    const bool has_address = fields.raw("address") != nullptr;
    const bool has_names = fields.raw("names") != nullptr;
    fields.read("address", address);
    const std::optional<IpAddress> parsed = parse_ip(address);
    if (parsed)
        entry.address = *parsed;
    else if (has_address)
        fields.fail("address", "must be an address, such as 10.0.0.2");
    fields.read("names", entry.names);
    if (has_names && (entry.names.empty() || entry.names.size() > limits::dns_names))
        fields.fail("names", fmt::format("must be 1 to {} names", limits::dns_names));
    for (std::size_t i = 0; i < entry.names.size(); ++i)
        if (!is_domain(entry.names[i]))
            fields.fail(fmt::format("names[{}]", i), "must be the name of a machine");
    fields.finish();
    return entry;
}

void read_hosts(Fields& fields, std::optional<std::vector<HostsEntry>>& hosts) {
    const json::value* value = fields.raw("hosts");
    if (value == nullptr) return;
    if (!value->is_array()) return fields.fail("hosts", "must be an array");
    if (value->get_array().size() > limits::hosts_entries)
        return fields.fail("hosts",
                           fmt::format("must have at most {} elements", limits::hosts_entries));
    std::vector<HostsEntry>& entries = hosts.emplace();
    for (const json::value& element : value->get_array())
        entries.push_back(
            read_hosts_entry(fields.member(fmt::format("hosts[{}]", entries.size()), element)));
}

void read_hotplug(Fields& fields, HotplugConfig& hotplug) {
    const json::value* value = fields.raw("hotplug");
    if (value == nullptr) return;
    Fields members = fields.member("hotplug", *value);
    members.read("cpus", hotplug.cpus);
    members.read("memory", hotplug.memory);
    members.read("movable", hotplug.movable);
    members.finish();
}

void read_credentials(Fields& fields, bool& import_credentials) {
    const json::value* value = fields.raw("credentials");
    if (value == nullptr) return;
    Fields members = fields.member("credentials", *value);
    members.read("import", import_credentials);
    members.finish();
}

} // namespace

void read_guest_config(Fields& fields, GuestConfig& guest) {
    read_sysctls(fields, guest.sysctls);
    read_hosts(fields, guest.hosts);
    std::vector<NetworkInterface> network;
    read_network(fields, "network", network);
    if (fields.raw("network") != nullptr) guest.network = std::move(network);
    read_dns(fields, "dns", guest.dns);
    read_hotplug(fields, guest.hotplug);
    read_credentials(fields, guest.import_credentials);
}

std::string sysctl_path(std::string_view name) {
    const std::size_t first = name.find_first_of("./");
    if (first == std::string_view::npos ||
        !std::all_of(name.begin(), name.end(), is_setting_letter))
        return {};
    std::string path(name);
    if (name[first] == '.')
        for (char& c : path)
            c = c == '.' ? '/' : c == '/' ? '.' : c;
    // Every part is a file of its own: nothing may lead elsewhere.
    for (std::string_view rest = path; !rest.empty() || path.ends_with('/');) {
        const std::string_view part = split_off(rest, '/');
        if (part.empty() || part == "." || part == "..") return {};
        if (rest.empty() && !path.ends_with('/')) break;
    }
    return path;
}

} // namespace rouse::proto
