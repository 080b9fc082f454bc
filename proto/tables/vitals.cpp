#include "proto/tables/cells.hpp"
#include "proto/tables/grid.hpp"
#include "proto/tables/tables.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <array>

namespace rouse::proto::tables {

namespace json = boost::json;

namespace {

struct Line {
    std::string_view label;
    std::string_view section;
    std::string_view member;
    std::string (*cell)(const json::value& value);
};

constexpr std::array lines{
    Line{"up", "kernel", "uptime_ms", milliseconds},
    Line{"load, 1 min", "load", "one", hundredths},
    Line{"load, 5 min", "load", "five", hundredths},
    Line{"load, 15 min", "load", "fifteen", hundredths},
    Line{"memory, all", "memory", "total_kib", kibibytes},
    Line{"memory, available", "memory", "available_kib", kibibytes},
    Line{"memory, free", "memory", "free_kib", kibibytes},
    Line{"swap, all", "memory", "swap_total_kib", kibibytes},
    Line{"swap, free", "memory", "swap_free_kib", kibibytes},
    Line{"agent, resident", "agent", "rss_kib", kibibytes},
    Line{"agent, anonymous", "agent", "anon_kib", kibibytes},
    Line{"agent, descriptors", "agent", "fds", plain},
    Line{"descriptors, limit", "limits", "open_files", plain},
    Line{"descriptors, system", "kernel", "files", plain},
    Line{"descriptors, most", "limits", "system_files", plain},
    Line{"threads", "kernel", "threads", plain},
    Line{"threads, running", "kernel", "running", plain},
    Line{"pids, most", "limits", "pids", plain},
    Line{"killed for memory", "kernel", "oom_kills", plain},
    Line{"pipe, most", "limits", "pipe_bytes", bytes},
};

} // namespace

std::string vitals_table(const json::value& document) {
    Grid grid({{"", Grid::Align::left}, {"", Grid::Align::right}});
    for (const Line& line : lines) {
        const json::value& value = at(document, {line.section, line.member});
        if (!value.is_null()) grid.row({std::string(line.label), line.cell(value)});
    }
    return grid.text();
}

} // namespace rouse::proto::tables
