#include "proto/interface_words.hpp"

#include "proto/text.hpp"

#include <algorithm>
#include <charconv>

namespace rouse::proto {

namespace json = boost::json;

namespace {

/// The members of the document that the words stand for; it is checked as a whole later.
class Words {
public:
    explicit Words(std::string_view name) { interface_["interface"] = name; }

    void take(std::string_view word) {
        const std::size_t equals = word.find('=');
        const std::string_view key = word.substr(0, equals);
        const std::string_view value =
            equals == std::string_view::npos ? std::string_view() : word.substr(equals + 1);
        if (equals == std::string_view::npos)
            take_address(word);
        else if (key == "mac")
            interface_["mac"] = value;
        else if (key == "mtu")
            interface_["mtu"] = number(value);
        else if (key == "via")
            list("routes").push_back(json::object{{"to", "default"}, {"via", value}});
        else if (key == "route")
            take_route(value);
        else
            interface_[key] = value; // refused by its name
    }

    [[nodiscard]] const json::object& document() const { return interface_; }

private:
    void take_address(std::string_view word) {
        json::array& addresses = list("addresses");
        if (word != "none") addresses.emplace_back(word);
    }

    void take_route(std::string_view value) {
        const std::size_t at = value.find('@');
        json::object route{{"to", value.substr(0, at)}};
        if (at != std::string_view::npos) route["via"] = value.substr(at + 1);
        list("routes").push_back(std::move(route));
    }

    static json::value number(std::string_view text) {
        std::uint64_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc() || end != text.data() + text.size()) return json::value(text);
        return value;
    }

    json::array& list(std::string_view key) {
        json::value& value = interface_[key];
        if (!value.is_array()) value.emplace_array();
        return value.get_array();
    }

    json::object interface_;
};

bool always_on_link(const IpAddress& gateway) {
    return gateway.family == IpFamily::v6 && gateway.is_link_local();
}

/// A gateway that no address leads to would be refused by the guest's kernel.
void reach_gateways(NetworkInterface& interface) {
    if (!interface.routes || !interface.addresses) return;
    for (NetworkRoute& route : *interface.routes)
        route.on_link = route.via && !always_on_link(*route.via) &&
                        std::none_of(interface.addresses->begin(), interface.addresses->end(),
                                     [&](const auto& own) { return own.contains(*route.via); });
}

} // namespace

Parsed<NetworkInterface> parse_interface_words(std::string_view text) {
    if (text.find('=') == std::string_view::npos)
        return Problem{"", "must be INTERFACE=ADDRESS/LENGTH[,…]"};
    Words words(split_off(text, '='));
    while (!text.empty())
        words.take(split_off(text, ','));
    const json::value document = json::object{{"network", json::array{words.document()}}};
    Problems problems;
    Fields fields(document, "$", problems);
    std::vector<NetworkInterface> network;
    read_network(fields, "network", network);
    for (const std::vector<Problem>& found : {problems.errors, problems.unknown}) {
        if (found.empty()) continue;
        std::string_view where = found.front().where;
        constexpr std::string_view above = "$.network[0].";
        if (where.starts_with(above)) where.remove_prefix(above.size());
        return Problem{std::string(where), found.front().why};
    }
    reach_gateways(network.at(0));
    return std::move(network[0]);
}

} // namespace rouse::proto
