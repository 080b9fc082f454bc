#include "agent/debug/vitals.hpp"

#include "agent/sys/vitals.hpp"

#include <boost/json.hpp>

namespace rouse::debug {

namespace json = boost::json;

namespace {

using Number = sys::Vitals::Number;

json::object known(std::initializer_list<std::pair<std::string_view, Number>> members) {
    json::object object;
    for (const auto& [name, number] : members)
        if (number) object[name] = *number;
    return object;
}

} // namespace

json::object vitals_document() {
    const sys::Vitals vitals = sys::read_vitals();
    return {{"memory", known({{"total_kib", vitals.memory_total},
                              {"free_kib", vitals.memory_free},
                              {"available_kib", vitals.memory_available},
                              {"swap_total_kib", vitals.swap_total},
                              {"swap_free_kib", vitals.swap_free}})},
            {"load",
             known({{"one", vitals.load_1}, {"five", vitals.load_5}, {"fifteen", vitals.load_15}})},
            {"kernel", known({{"uptime_ms", vitals.uptime_ms},
                              {"threads", vitals.threads},
                              {"running", vitals.threads_running},
                              {"files", vitals.files},
                              {"oom_kills", vitals.oom_kills}})},
            {"agent", known({{"rss_kib", vitals.own_memory.rss_kib},
                             {"anon_kib", vitals.own_memory.anonymous_kib},
                             {"fds", vitals.own_descriptors}})},
            {"limits", known({{"open_files", vitals.own_descriptors_max},
                              {"system_files", vitals.files_max},
                              {"pids", vitals.pid_max},
                              {"pipe_bytes", vitals.pipe_max_size}})}};
}

} // namespace rouse::debug
