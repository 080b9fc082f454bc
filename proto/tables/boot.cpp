#include "proto/tables/cells.hpp"
#include "proto/tables/grid.hpp"
#include "proto/tables/tables.hpp"

#include <boost/json.hpp>

namespace rouse::proto::tables {

namespace json = boost::json;

using Align = Grid::Align;

namespace {

json::value between(const json::value& from, const json::value& to) {
    const auto begin = count(from);
    const auto end = count(to);
    return begin && end && *end >= *begin ? json::value(*end - *begin) : json::value();
}

} // namespace

std::string boot_table(const json::value& document) {
    const json::value& init = at(document, {"init_us"});
    const json::value& agent = at(document, {"agent_us"});
    const json::value& ready = at(document, {"ready_us"});
    Grid grid({{"STEP", Align::left},
               {"AT", Align::right},
               {"TOOK", Align::right},
               {"OUTCOME", Align::left},
               {"DETAIL", Align::left}});
    grid.row({"kernel", microseconds(json::value(0)), microseconds(init)});
    const json::value& steps = at(document, {"steps"});
    if (steps.is_array())
        for (const json::value& step : steps.get_array()) {
            const json::value& detail = at(step, {"detail"});
            grid.row({"  " + plain(at(step, {"name"})), microseconds(at(step, {"start_us"})),
                      microseconds(at(step, {"duration_us"})), plain(at(step, {"outcome"})),
                      detail.is_null() ? "" : plain(detail)});
        }
    grid.row({"agent", microseconds(agent), microseconds(between(agent, ready))});
    grid.row({"READY", microseconds(ready)});
    return grid.text();
}

} // namespace rouse::proto::tables
