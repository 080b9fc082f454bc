// Connections, children and sessions: one row each.

#include "proto/signal_names.hpp"
#include "proto/tables/cells.hpp"
#include "proto/tables/grid.hpp"
#include "proto/tables/tables.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace rouse::proto::tables {

namespace json = boost::json;

using Align = Grid::Align;

std::string conns_table(const json::value& document) {
    std::string text =
        fmt::format("epoch     {}\nlistener  {}\nhttp      {}\n\n", plain(at(document, {"epoch"})),
                    members(at(document, {"listener"})), members(at(document, {"http"})));
    Grid grid({{"ID", Align::right},
               {"ROLE", Align::left},
               {"EPOCH", Align::right},
               {"AGE", Align::right}});
    const json::value& rows = at(document, {"connections"});
    if (rows.is_array())
        for (const json::value& row : rows.get_array())
            grid.row({plain(at(row, {"id"})), plain(at(row, {"role"})), plain(at(row, {"epoch"})),
                      milliseconds(at(row, {"age_ms"}))});
    return text + grid.text();
}

std::string reaper_table(const json::value& document) {
    std::string text =
        fmt::format("children reaped  {}\norphans reaped   {}\n\n",
                    plain(at(document, {"children"})), plain(at(document, {"orphans"})));
    Grid grid({{"PID", Align::right}, {"RUNS FOR", Align::right}});
    const json::value& rows = at(document, {"watched"});
    if (rows.is_array())
        for (const json::value& row : rows.get_array())
            grid.row({plain(at(row, {"pid"})), milliseconds(at(row, {"age_ms"}))});
    return text + grid.text();
}

namespace {

/// "running", "exited 3", "exited SIGKILL, out of memory", "failed: exec".
std::string state_of(const json::value& session) {
    const std::string state = plain(at(session, {"state"}));
    const json::value& exit = at(session, {"exit"});
    if (at(session, {"error"}).is_object())
        return fmt::format("{}: {}", state, plain(at(session, {"error", "stage"})));
    if (!exit.is_object()) return state;
    const auto number = count(at(exit, {"signal"}));
    const std::string how =
        number ? signal_name(static_cast<int>(*number)) : plain(at(exit, {"code"}));
    const json::value& oom = at(exit, {"oom"});
    const bool out_of_memory = oom.is_bool() && oom.get_bool();
    return fmt::format("{} {}{}", state, how, out_of_memory ? ", out of memory" : "");
}

/// Who is attached: "control", "control+2", "2 look", "detached".
std::string clients_of(const json::value& session) {
    const auto is = [&](std::string_view name) {
        const json::value& value = at(session, {name});
        return value.is_bool() && value.get_bool();
    };
    const std::uint64_t readers = count(at(session, {"readers"})).value_or(0);
    if (is("controlled")) return readers == 0 ? "control" : fmt::format("control+{}", readers);
    if (readers != 0) return fmt::format("{} look", readers);
    return is("detached") ? "detached" : "-";
}

} // namespace

std::string sessions_table(const json::value& document) {
    Grid grid({{"ID", Align::left},
               {"STATE", Align::left},
               {"PID", Align::right},
               {"AGE", Align::right},
               {"TTY", Align::left},
               {"CLIENTS", Align::left},
               {"PROGRAM", Align::left}});
    const json::value& rows = at(document, {"sessions"});
    if (rows.is_array())
        for (const json::value& row : rows.get_array()) {
            const json::value& tty = at(row, {"tty"});
            grid.row({plain(at(row, {"id"})), state_of(row), plain(at(row, {"pid"})),
                      milliseconds(at(row, {"age_ms"})),
                      tty.is_bool() && tty.get_bool() ? "yes" : "no", clients_of(row),
                      plain(at(row, {"program"}))});
        }
    return grid.text();
}

} // namespace rouse::proto::tables
