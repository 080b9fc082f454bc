#include "proto/network.hpp"

#include "proto/limits.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

namespace rouse::proto {

namespace json = boost::json;

namespace {

constexpr std::string_view default_route = "default";

bool is_interface_name(std::string_view name) {
    constexpr std::size_t longest = 15; // IFNAMSIZ with its NUL
    return !name.empty() && name.size() <= longest && name != "." && name != ".." &&
           name.find_first_of("/: \t\n\v\f\r") == std::string_view::npos &&
           name.find('\0') == std::string_view::npos;
}

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_label(std::string_view label) {
    constexpr std::size_t longest = 63;
    return !label.empty() && label.size() <= longest && label.front() != '-' &&
           label.back() != '-' && std::all_of(label.begin(), label.end(), [](char c) {
               return is_letter_or_digit(c) || c == '-';
           });
}

bool are_labels(std::string_view text) {
    while (true) {
        const std::size_t dot = text.find('.');
        if (!is_label(text.substr(0, dot))) return false;
        if (dot == std::string_view::npos) return true;
        text.remove_prefix(dot + 1);
    }
}

bool may_be_own(const IpAddress& address) {
    return !address.is_loopback() && !address.is_multicast() && !address.is_unspecified();
}

/// Reads each element of an array by `read_one`, which gets the element's key, such as
/// "routes[2]". At most `limit` of them.
void read_each(Fields& fields, std::string_view key, std::size_t limit,
               const std::function<void(const std::string&, const json::value&)>& read_one) {
    const json::value* value = fields.raw(key);
    if (value == nullptr) return;
    if (!value->is_array()) return fields.fail(key, "must be an array");
    if (value->get_array().size() > limit)
        return fields.fail(key, fmt::format("must have at most {} elements", limit));
    std::size_t index = 0;
    for (const json::value& element : value->get_array())
        read_one(fmt::format("{}[{}]", key, index++), element);
}

std::string text_of(const json::value& value) {
    return value.is_string() ? json::value_to<std::string>(value) : std::string();
}

void read_mac(Fields& fields, NetworkInterface& interface) {
    std::string text;
    if (fields.raw("mac") == nullptr) return;
    fields.read("mac", text);
    interface.mac = parse_mac(text);
    constexpr unsigned group_bit = 1;
    if (!interface.mac || *interface.mac == MacAddress{} ||
        (interface.mac->bytes[0] & group_bit) != 0)
        fields.fail("mac", "must be the address of one interface, such as 52:54:00:12:34:56");
}

void read_addresses(Fields& fields, NetworkInterface& interface) {
    if (fields.raw("addresses") == nullptr) return;
    std::vector<IpPrefix>& addresses = interface.addresses.emplace();
    read_each(fields, "addresses", limits::network_addresses,
              [&](const std::string& key, const json::value& value) {
                  const std::optional<IpPrefix> prefix = parse_ip_prefix(text_of(value));
                  if (!prefix || !may_be_own(prefix->address) || prefix->length == 0)
                      fields.fail(key, "must be an address and the length of its network, such as "
                                       "10.0.0.5/24");
                  else if (std::any_of(addresses.begin(), addresses.end(), [&](const auto& other) {
                               return other.address == prefix->address;
                           }))
                      fields.fail(key, "is there twice");
                  else
                      addresses.push_back(*prefix);
              });
}

void read_gateway(Fields& fields, NetworkRoute& route) {
    std::optional<std::string> via;
    fields.read("via", via);
    if (!via) return;
    route.via = parse_ip(*via);
    if (!route.via || !may_be_own(*route.via)) fields.fail("via", "must be an address");
}

/// "default" is of the gateway's family.
void read_destination(Fields& fields, NetworkRoute& route) {
    constexpr std::string_view wanted =
        "must be \"default\" with a gateway, or a network such as 10.1.0.0/16";
    std::string to;
    fields.require("to");
    fields.read("to", to);
    if (to == default_route) {
        if (!route.via) return fields.fail("to", std::string(wanted));
        route.to.address.family = route.via->family;
        return;
    }
    const std::optional<IpPrefix> prefix = parse_ip_prefix(to);
    if (!prefix || prefix->network() != *prefix) return fields.fail("to", std::string(wanted));
    route.to = *prefix;
    if (route.via && route.via->family != route.to.address.family)
        fields.fail("via", "must be of the family of the network");
}

void read_routes(Fields& fields, NetworkInterface& interface) {
    if (fields.raw("routes") == nullptr) return;
    std::vector<NetworkRoute>& routes = interface.routes.emplace();
    read_each(fields, "routes", limits::network_routes,
              [&](const std::string& key, const json::value& value) {
                  NetworkRoute route;
                  Fields members = fields.member(key, value);
                  read_gateway(members, route);
                  read_destination(members, route);
                  members.read("on_link", route.on_link);
                  members.finish();
                  if (route.on_link && !route.via) members.fail("on_link", "needs a gateway");
                  if (std::any_of(routes.begin(), routes.end(),
                                  [&](const auto& other) { return other.to == route.to; }))
                      members.fail("to", "is there twice");
                  routes.push_back(route);
              });
}

NetworkInterface read_interface(Fields fields) {
    NetworkInterface interface;
    fields.require("interface");
    fields.read("interface", interface.name);
    if (!is_interface_name(interface.name) || interface.name == "lo")
        fields.fail("interface", "must be the name of an interface other than the loopback");
    read_mac(fields, interface);
    constexpr std::uint64_t smallest = 68; // RFC 791
    constexpr std::uint64_t largest = 65535;
    if (const json::value* mtu = fields.raw("mtu"); mtu != nullptr && mtu->is_null())
        fields.fail("mtu", fmt::format("must be a whole number from {} to {}", smallest, largest));
    else if (mtu != nullptr)
        fields.read("mtu", interface.mtu.emplace(), smallest, largest);
    read_addresses(fields, interface);
    read_routes(fields, interface);
    fields.finish();
    return interface;
}

json::object to_json(const NetworkRoute& route) {
    const bool is_default = route.to.length == 0 && route.via;
    json::object object{{"to", is_default ? std::string(default_route) : to_text(route.to)}};
    if (route.via) object["via"] = to_text(*route.via);
    if (route.on_link) object["on_link"] = true;
    return object;
}

json::object to_json(const NetworkInterface& interface) {
    json::object object{{"interface", interface.name}};
    if (interface.mac) object["mac"] = to_text(*interface.mac);
    if (interface.mtu) object["mtu"] = *interface.mtu;
    if (interface.addresses) {
        json::array& addresses = object["addresses"].emplace_array();
        for (const IpPrefix& address : *interface.addresses)
            addresses.emplace_back(to_text(address));
    }
    if (interface.routes) {
        json::array& routes = object["routes"].emplace_array();
        for (const NetworkRoute& route : *interface.routes)
            routes.emplace_back(to_json(route));
    }
    return object;
}

} // namespace

json::array to_json(const std::vector<NetworkInterface>& network) {
    json::array array;
    for (const NetworkInterface& interface : network)
        array.emplace_back(to_json(interface));
    return array;
}

json::object to_json(const Dns& dns) {
    json::array servers;
    for (const IpAddress& server : dns.servers)
        servers.emplace_back(to_text(server));
    return {{"servers", std::move(servers)}, {"search", json::value_from(dns.search)}};
}

std::string resolv_conf(const Dns& dns) {
    std::string text = "# Written by rouse.\n";
    if (!dns.search.empty()) text += fmt::format("search {}\n", fmt::join(dns.search, " "));
    for (const IpAddress& server : dns.servers)
        text += fmt::format("nameserver {}\n", to_text(server));
    return text;
}

void read_network(Fields& fields, std::string_view key, std::vector<NetworkInterface>& network) {
    read_each(fields, key, limits::network_interfaces,
              [&](const std::string& element, const json::value& value) {
                  NetworkInterface interface = read_interface(fields.member(element, value));
                  if (std::any_of(network.begin(), network.end(),
                                  [&](const auto& other) { return other.name == interface.name; }))
                      fields.fail(element + ".interface", "is there twice");
                  network.push_back(std::move(interface));
              });
}

void read_dns(Fields& fields, std::string_view key, std::optional<Dns>& dns) {
    const json::value* value = fields.raw(key);
    if (value == nullptr) return;
    Fields members = fields.member(key, *value);
    Dns& read = dns ? *dns : dns.emplace();
    if (value->is_object() && value->get_object().contains("servers")) read.servers.clear();
    if (value->is_object() && value->get_object().contains("search")) read.search.clear();
    read_each(members, "servers", limits::dns_names,
              [&](const std::string& element, const json::value& server) {
                  const std::optional<IpAddress> address = parse_ip(text_of(server));
                  if (!address || address->is_unspecified() || address->is_multicast())
                      return members.fail(element, "must be an address");
                  read.servers.push_back(*address);
              });
    read_each(members, "search", limits::dns_names,
              [&](const std::string& element, const json::value& domain) {
                  if (!is_domain(text_of(domain))) return members.fail(element, "must be a domain");
                  read.search.push_back(text_of(domain));
              });
    members.finish();
}

bool is_domain(std::string_view text) {
    constexpr std::size_t longest = 253;
    std::string plain(text.ends_with('.') && text.size() > 1 ? text.substr(0, text.size() - 1)
                                                             : text);
    std::replace(plain.begin(), plain.end(), '_', 'x');
    return plain.size() <= longest && are_labels(plain);
}

bool is_hostname(std::string_view text) {
    constexpr std::size_t longest = 64; // HOST_NAME_MAX
    return text.size() <= longest && are_labels(text);
}

} // namespace rouse::proto
