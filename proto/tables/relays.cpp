#include "proto/tables/cells.hpp"
#include "proto/tables/grid.hpp"
#include "proto/tables/tables.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace rouse::proto::tables {

namespace json = boost::json;

namespace {

using Cell = std::string (*)(const json::value& relay, std::string_view member);

std::string as_is(const json::value& relay, std::string_view member) {
    return plain(at(relay, {member}));
}

std::string in_bytes(const json::value& relay, std::string_view member) {
    return bytes(at(relay, {member}));
}

/// How full one of our two pipes is.
std::string fill(const json::value& relay, std::string_view member) {
    return fmt::format("{} of {}", bytes(at(relay, {member})), bytes(at(relay, {"capacity"})));
}

std::string workload_fill(const json::value& relay, std::string_view member) {
    const json::value& capacity = at(relay, {"workload_capacity"});
    if (count(capacity) == 0U) return "closed";
    return fmt::format("{} of {}", bytes(at(relay, {member})), bytes(capacity));
}

/// What the socket is doing.
std::string socket(const json::value& relay, std::string_view member) {
    const json::value& open = at(relay, {member});
    if (!open.is_bool()) return "-";
    if (!open.get_bool()) return "none";
    const bool writable = plain(at(relay, {"socket_writable"})) == "true";
    const bool writing = plain(at(relay, {"writing"})) == "true";
    return fmt::format("{}{}", writable ? "writable" : "full", writing ? ", in a frame" : "");
}

std::string stalled(const json::value& relay, std::string_view member) {
    const json::value& since = at(relay, {member});
    return since.is_null() ? "-" : milliseconds(since) + " ago";
}

std::string dropped(const json::value& relay, std::string_view member) {
    return fmt::format("{}, {} times{}", bytes(at(relay, {member})),
                       plain(at(relay, {"drop_episodes"})),
                       plain(at(relay, {"dropping"})) == "true" ? ", now too" : "");
}

std::string console(const json::value& relay, std::string_view member) {
    return fmt::format("{}, lost {}{}", bytes(at(relay, {member})),
                       bytes(at(relay, {"console_dropped"})),
                       plain(at(relay, {"console_active"})) == "true" ? ", on" : "");
}

std::string ended(const json::value& relay, std::string_view member) {
    const json::value& unread = at(relay, {"unread"});
    const std::string how = plain(at(relay, {member}));
    return unread.is_null() || count(unread) == 0U
               ? how
               : fmt::format("{}, {} unread", how, bytes(unread));
}

struct Line {
    std::string_view label;
    std::string_view member;
    Cell cell;
};

constexpr std::array lines{
    Line{"state", "state", as_is},
    Line{"why down", "why_down", as_is},
    Line{"policy", "policy", as_is},
    Line{"sends by", "send", as_is},
    Line{"workload pipe", "workload_bytes", workload_fill},
    Line{"kept pipe", "kept_bytes", fill},
    Line{"unsent pipe", "unsent_bytes", fill},
    Line{"memory at most", "memory_share", in_bytes},
    Line{"read up to", "read", as_is},
    Line{"sent up to", "sent", as_is},
    Line{"acked up to", "acked", as_is},
    Line{"credit", "credit", in_bytes},
    Line{"socket", "socket_open", socket},
    Line{"frame at most", "frame_cap", in_bytes},
    Line{"connections", "connections", as_is},
    Line{"stalled since", "stalled_ms", stalled},
    Line{"stalls", "stalls", as_is},
    Line{"redials", "redials", as_is},
    Line{"dropped", "dropped_bytes", dropped},
    Line{"gaps kept", "gaps", as_is},
    Line{"after the end", "after_end", in_bytes},
    Line{"repairs", "repairs", as_is},
    Line{"on the console", "console_shown", console},
    Line{"ended", "ended", ended},
};

/// Shown in the cell of another member.
constexpr std::array merged{
    std::string_view("stream"),          std::string_view("unread"),
    std::string_view("capacity"),        std::string_view("workload_capacity"),
    std::string_view("socket_writable"), std::string_view("writing"),
    std::string_view("drop_episodes"),   std::string_view("dropping"),
    std::string_view("console_dropped"), std::string_view("console_active"),
};

bool is_known(std::string_view member) {
    return std::ranges::find(merged, member) != merged.end() ||
           std::ranges::find(lines, member, &Line::member) != lines.end();
}

} // namespace

// A column for each stream: there are two, and what is to be said about one is long.
std::string relays_table(const json::value& document) {
    const json::value& relays = at(document, {"relays"});
    if (!relays.is_array() || relays.get_array().empty()) return "no output is relayed\n";
    std::vector<Grid::Column> columns{{"", Grid::Align::left}};
    for (const json::value& relay : relays.get_array())
        columns.push_back({plain(at(relay, {"stream"})), Grid::Align::right});
    Grid grid(std::move(columns));
    const auto add = [&](std::string_view label, std::string_view member, Cell cell) {
        std::vector<std::string> cells{std::string(label)};
        for (const json::value& relay : relays.get_array())
            cells.push_back(cell(relay, member));
        grid.row(std::move(cells));
    };
    for (const Line& line : lines)
        add(line.label, line.member, line.cell);
    // What a newer agent knows beyond that.
    if (const json::object* const first = relays.get_array().front().if_object())
        for (const auto& member : *first)
            if (!is_known(member.key())) add(member.key(), member.key(), as_is);
    return grid.text();
}

} // namespace rouse::proto::tables
