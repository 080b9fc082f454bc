#include "proto/tables/cells.hpp"
#include "proto/tables/grid.hpp"
#include "proto/tables/tables.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace rouse::proto::tables {

namespace json = boost::json;

using Align = Grid::Align;

namespace {

std::string triggers_table(const json::value& triggers) {
    if (!triggers.is_array() || triggers.get_array().empty()) return {};
    Grid grid({{"TRIGGER", Align::left},
               {"VALUE", Align::left},
               {"EPOCH", Align::right},
               {"MADE", Align::left},
               {"AGE", Align::right}});
    for (const json::value& trigger : triggers.get_array())
        grid.row({plain(at(trigger, {"source"})), plain(at(trigger, {"value"})),
                  plain(at(trigger, {"epoch"})), plain(at(trigger, {"made"})),
                  milliseconds(at(trigger, {"age_ms"}))});
    return "\n" + grid.text();
}

} // namespace

std::string epochs_table(const json::value& document) {
    std::string text;
    for (const std::string_view name :
         {"boot_id", "generation", "parent_generation", "epoch", "step", "gate", "output", "link"})
        text += fmt::format("{:<18} {}\n", name, plain(at(document, {name})));
    if (const json::value& prepare = at(document, {"prepare"}); prepare.is_object())
        text += fmt::format("{:<18} {}\n", "prepare", members(prepare));
    text += triggers_table(at(document, {"triggers"}));
    const json::value& reports = at(document, {"reports"});
    if (!reports.is_array()) return text;
    for (const json::value& report : reports.get_array()) {
        text += fmt::format("\nepoch {}: {} by {}, {}, exec {}, {}\n", plain(at(report, {"epoch"})),
                            plain(at(report, {"kind"})), plain(at(report, {"trigger"})),
                            plain(at(report, {"state"})), plain(at(report, {"exec"})),
                            microseconds(at(report, {"total_us"})));
        Grid grid({{"", Align::left}, {"", Align::left}, {"", Align::right}, {"", Align::left}});
        const json::value& steps = at(report, {"steps"});
        if (!steps.is_array()) continue;
        for (const json::value& step : steps.get_array()) {
            const json::value& detail = at(step, {"detail"});
            grid.row({"  " + plain(at(step, {"name"})), plain(at(step, {"outcome"})),
                      microseconds(at(step, {"duration_us"})),
                      detail.is_null() ? "" : plain(detail)});
        }
        text += grid.text();
    }
    return text;
}

} // namespace rouse::proto::tables
