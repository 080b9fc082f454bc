#include "proto/tables/tables.hpp"

#include <algorithm>
#include <array>

namespace rouse::proto::tables {

namespace {

constexpr std::array all{
    Topic{"status", "everything in short", status_table},
    Topic{"relays", "the workload's output: pipes, offsets, losses, stalls", relays_table},
    Topic{"conns", "listener and connections by epoch", conns_table},
    Topic{"reaper", "children that are waited for", reaper_table},
    Topic{"epochs", "restore chains, their triggers and steps", epochs_table},
    Topic{"events", "what happened last", events_table},
    Topic{"boot", "what took how long from power-on to READY", boot_table},
    Topic{"vitals", "memory, processes, descriptors, load, limits", vitals_table},
};

} // namespace

std::span<const Topic> topics() {
    return all;
}

const Topic* find_topic(std::string_view name) {
    const auto* found = std::ranges::find(all, name, &Topic::name);
    return found == all.end() ? nullptr : found;
}

} // namespace rouse::proto::tables
