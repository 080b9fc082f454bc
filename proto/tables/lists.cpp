// Connections and children: one row each.

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

} // namespace rouse::proto::tables
