#include "proto/tables/cells.hpp"
#include "proto/tables/tables.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <iterator>

namespace rouse::proto::tables {

namespace json = boost::json;

namespace {

class Table {
public:
    void row(std::string_view label, std::string_view content) {
        fmt::format_to(std::back_inserter(text_), "{:<12} {}\n", label, content);
    }
    [[nodiscard]] std::string take() { return std::move(text_); }

private:
    std::string text_;
};

void show_workload(Table& table, const json::value& status) {
    const json::value& workload = at(status, {"workload"});
    table.row("workload", fmt::format("{}  pid {}  {}", plain(at(workload, {"state"})),
                                      plain(at(workload, {"pid"})), words(at(workload, {"argv"}))));
    if (!at(workload, {"ended"}).is_null()) table.row("", plain(at(workload, {"ended"})));
}

void show_counts(Table& table, const json::value& status, std::string_view name) {
    const std::string line = members(at(status, {name}));
    if (!line.empty()) table.row(name, line);
}

void show_rows(Table& table, const json::value& status, std::string_view name) {
    const json::value& rows = at(status, {name});
    if (!rows.is_array()) return;
    std::string_view label = name;
    for (const json::value& row : rows.get_array()) {
        table.row(label, row.is_object() ? members(row) : plain(row));
        label = "";
    }
}

/// In short; the table of the relays has it all.
void show_output(Table& table, const json::value& status) {
    const json::value& relays = at(status, {"output"});
    if (!relays.is_array()) return;
    for (const json::value& relay : relays.get_array())
        table.row(plain(at(relay, {"stream"})),
                  fmt::format("{}  read {}  acked {}  kept {}  stalls {}",
                              plain(at(relay, {"state"})), plain(at(relay, {"read"})),
                              plain(at(relay, {"acked"})), bytes(at(relay, {"kept_bytes"})),
                              plain(at(relay, {"stalls"}))));
}

void show_restores(Table& table, const json::value& status) {
    const json::value& reports = at(status, {"restores"});
    if (!reports.is_array()) return;
    for (const json::value& report : reports.get_array()) {
        table.row(fmt::format("epoch {}", plain(at(report, {"epoch"}))),
                  fmt::format("{} by {}: {}, exec {}, {}", plain(at(report, {"kind"})),
                              plain(at(report, {"trigger"})), plain(at(report, {"state"})),
                              plain(at(report, {"exec"})), microseconds(at(report, {"total_us"}))));
        const json::value& steps = at(report, {"steps"});
        if (!steps.is_array()) continue;
        for (const json::value& step : steps.get_array())
            table.row("", fmt::format(
                              "{:<10} {:<9} {:>10}  {}", plain(at(step, {"name"})),
                              plain(at(step, {"outcome"})), microseconds(at(step, {"duration_us"})),
                              at(step, {"detail"}).is_null() ? "" : plain(at(step, {"detail"}))));
    }
}

} // namespace

std::string status_table(const json::value& status) {
    Table table;
    table.row("rouse",
              fmt::format("{}  pid {}  up {}  kernel {}", plain(at(status, {"version"})),
                          plain(at(status, {"pid"})), milliseconds(at(status, {"uptime_ms"})),
                          plain(at(status, {"kernel"}))));
    table.row("boot id", plain(at(status, {"boot_id"})));
    table.row("generation", fmt::format("{}  epoch {}", plain(at(status, {"generation"})),
                                        plain(at(status, {"epoch"}))));
    show_workload(table, status);
    for (const std::string_view section :
         {"reaper", "exec", "http", "listener", "memory", "prepare"})
        show_counts(table, status, section);
    show_output(table, status);
    show_rows(table, status, "connections");
    show_restores(table, status);
    show_rows(table, status, "problems");
    return table.take();
}

} // namespace rouse::proto::tables
