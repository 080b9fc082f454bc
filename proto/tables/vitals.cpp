#include "proto/tables/cells.hpp"
#include "proto/tables/grid.hpp"
#include "proto/tables/tables.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <array>

namespace rouse::proto::tables {

namespace json = boost::json;

namespace {

struct Vital {
    std::string_view label;
    std::string_view section;
    std::string_view member;
    std::string (*cell)(const json::value& value);
};

constexpr std::array vitals{
    Vital{"up", "kernel", "uptime_ms", milliseconds},
    Vital{"load, 1 min", "load", "one", hundredths},
    Vital{"load, 5 min", "load", "five", hundredths},
    Vital{"load, 15 min", "load", "fifteen", hundredths},
    Vital{"memory, all", "memory", "total_kib", kibibytes},
    Vital{"memory, available", "memory", "available_kib", kibibytes},
    Vital{"memory, free", "memory", "free_kib", kibibytes},
    Vital{"swap, all", "memory", "swap_total_kib", kibibytes},
    Vital{"swap, free", "memory", "swap_free_kib", kibibytes},
    Vital{"agent, resident", "agent", "rss_kib", kibibytes},
    Vital{"agent, anonymous", "agent", "anon_kib", kibibytes},
    Vital{"agent, descriptors", "agent", "fds", plain},
    Vital{"descriptors, limit", "limits", "open_files", plain},
    Vital{"descriptors, system", "kernel", "files", plain},
    Vital{"descriptors, most", "limits", "system_files", plain},
    Vital{"threads", "kernel", "threads", plain},
    Vital{"threads, running", "kernel", "running", plain},
    Vital{"pids, most", "limits", "pids", plain},
    Vital{"killed for memory", "kernel", "oom_kills", plain},
    Vital{"pipe, most", "limits", "pipe_bytes", bytes},
};

} // namespace

std::string vitals_table(const json::value& document) {
    Grid grid({{"", Grid::Align::left}, {"", Grid::Align::right}});
    for (const Vital& vital : vitals) {
        const json::value& value = at(document, {vital.section, vital.member});
        if (!value.is_null()) grid.row({std::string(vital.label), vital.cell(value)});
    }
    return grid.text();
}

} // namespace rouse::proto::tables
