// Every metric of the agent. proto/README.md lists the same names; a test compares the two.

#include "agent/debug/metrics.hpp"

#include <array>

namespace rouse::debug {

namespace {

constexpr double from_ms = 1e-3;
constexpr double from_us = 1e-6;
constexpr double from_kib = 1024;

constexpr auto counter = MetricType::counter;
constexpr auto gauge = MetricType::gauge;

/// A metric of each relay, labelled with its stream.
constexpr Metric relay(std::string_view name, MetricType type, std::string_view unit,
                       std::string_view help, std::string_view path, double scale = 1) {
    return {name, type, unit, help, path, scale, "stream", "stream"};
}

constexpr std::array table{
    Metric{"rouse_build", MetricType::info, "", "Version of the agent.", "/status/version", 1,
           "version"},
    Metric{"rouse_uptime_seconds", gauge, "seconds", "Time since the agent's start.",
           "/status/uptime_ms", from_ms},

    Metric{"rouse_relay_state", MetricType::stateset, "", "Connection of a stream to the host.",
           "/relays/relays/*/state", 1, "stream", "stream", "down greeting streaming finished"},
    relay("rouse_relay_read_bytes", counter, "bytes", "Bytes taken from the workload.",
          "/relays/relays/*/read"),
    relay("rouse_relay_sent_offset_bytes", gauge, "bytes",
          "Offset up to which this connection was sent bytes; goes back at a replay.",
          "/relays/relays/*/sent"),
    relay("rouse_relay_acked_bytes", counter, "bytes", "Bytes that the host has acknowledged.",
          "/relays/relays/*/acked"),
    relay("rouse_relay_workload_pipe_bytes", gauge, "bytes", "Fill of the workload's pipe.",
          "/relays/relays/*/workload_bytes"),
    relay("rouse_relay_kept_bytes", gauge, "bytes", "Fill of the pipe of unacknowledged bytes.",
          "/relays/relays/*/kept_bytes"),
    relay("rouse_relay_unsent_bytes", gauge, "bytes", "Fill of the pipe of unsent bytes.",
          "/relays/relays/*/unsent_bytes"),
    relay("rouse_relay_capacity_bytes", gauge, "bytes", "Size of each of these two pipes.",
          "/relays/relays/*/capacity"),
    relay("rouse_relay_connections", counter, "", "Connections that the host welcomed.",
          "/relays/relays/*/connections"),
    relay("rouse_relay_stalls", counter, "", "Frames that were unfinished at write_timeout.",
          "/relays/relays/*/stalls"),
    relay("rouse_relay_redials", counter, "", "Connections that were given up for a stall.",
          "/relays/relays/*/redials"),
    relay("rouse_relay_stalled_seconds", gauge, "seconds", "How long the present stall lasts.",
          "/relays/relays/*/stalled_ms", from_ms),
    relay("rouse_relay_credit_bytes", gauge, "bytes", "Bytes that the host has room for.",
          "/relays/relays/*/credit"),
    relay("rouse_relay_frame_cap_bytes", gauge, "bytes", "Longest frame now.",
          "/relays/relays/*/frame_cap"),
    relay("rouse_relay_memory_share_bytes", gauge, "bytes", "Memory that the pipes may take.",
          "/relays/relays/*/memory_share"),
    relay("rouse_relay_workload_capacity_bytes", gauge, "bytes",
          "Size of the workload's pipe; 0 once it is closed.",
          "/relays/relays/*/workload_capacity"),
    relay("rouse_relay_socket_open", gauge, "", "1 while there is a connection.",
          "/relays/relays/*/socket_open"),
    relay("rouse_relay_socket_writable", gauge, "", "1 while its socket would take bytes.",
          "/relays/relays/*/socket_writable"),
    relay("rouse_relay_writing", gauge, "", "1 while a frame is on its way.",
          "/relays/relays/*/writing"),
    Metric{"rouse_relay_policy", MetricType::stateset, "", "What happens when nothing is released.",
           "/relays/relays/*/policy", 1, "stream", "stream", "drop block"},
    Metric{"rouse_relay_send", MetricType::stateset, "", "How frames get into the socket.",
           "/relays/relays/*/send", 1, "stream", "stream", "splice copy"},
    relay("rouse_relay_dropping", gauge, "", "1 while bytes are being lost.",
          "/relays/relays/*/dropping"),
    relay("rouse_relay_dropped_bytes", counter, "bytes", "Bytes lost, all marked in band.",
          "/relays/relays/*/dropped_bytes"),
    relay("rouse_relay_drop_episodes", counter, "", "How often losing bytes began.",
          "/relays/relays/*/drop_episodes"),
    relay("rouse_relay_gaps", gauge, "", "Gaps in what is kept.", "/relays/relays/*/gaps"),
    relay("rouse_relay_repairs", counter, "", "Lost wake-ups that the watchdog has made good.",
          "/relays/relays/*/repairs"),
    relay("rouse_relay_console_active", gauge, "", "1 while the console shows the output.",
          "/relays/relays/*/console_active"),
    relay("rouse_relay_console_shown_bytes", counter, "bytes", "Bytes that the console took.",
          "/relays/relays/*/console_shown"),
    relay("rouse_relay_console_dropped_bytes", counter, "bytes",
          "Bytes that the console did not take.", "/relays/relays/*/console_dropped"),
    relay("rouse_relay_after_end_bytes", counter, "bytes",
          "Bytes that somebody wrote after the end of the stream; they are lost.",
          "/relays/relays/*/after_end"),

    Metric{"rouse_relay_end", MetricType::stateset, "", "How the stream has ended.",
           "/relays/relays/*/ended", 1, "stream", "stream", "closed lingered truncated"},
    relay("rouse_relay_unread_bytes", counter, "bytes",
          "Bytes that were left in the workload's pipe at the end; they are lost.",
          "/relays/relays/*/unread"),

    Metric{"rouse_output_memory_used_bytes", gauge, "bytes",
           "Of the memory that all streams may take.", "/relays/memory_used"},
    Metric{"rouse_output_memory_refusals", counter, "",
           "How often less was left than a stream wanted.", "/relays/memory_refusals"},
    Metric{"rouse_output_readers", gauge, "", "Readers of kept output.", "/relays/readers"},

    Metric{"rouse_exec_running", gauge, "", "Exec sessions that are alive.",
           "/status/exec/running"},
    Metric{"rouse_exec_started", counter, "", "Processes started for execs.",
           "/status/exec/started"},
    Metric{"rouse_exec_failed", counter, "", "Execs for which no process came to be.",
           "/status/exec/failed"},
    Metric{"rouse_files_running", gauge, "", "Requests for files that are being served.",
           "/status/files/running"},
    Metric{"rouse_files_started", counter, "", "Processes started for files.",
           "/status/files/started"},
    Metric{"rouse_files_failed", counter, "", "Requests for files that failed.",
           "/status/files/failed"},
    Metric{"rouse_forwards_open", gauge, "", "Forwards that are open.", "/status/forwards/open"},
    Metric{"rouse_http_requests", counter, "", "Requests on the exec port.",
           "/conns/http/requests"},
    Metric{"rouse_http_bad_requests", counter, "", "Malformed, too large or too slow requests.",
           "/conns/http/bad_requests"},
    Metric{"rouse_listener_accepted", counter, "", "Connections that were served.",
           "/conns/listener/accepted"},
    Metric{"rouse_listener_refused", counter, "", "Connections of peers that are not the host.",
           "/conns/listener/refused"},
    Metric{"rouse_listener_over_limit", counter, "", "Connections closed because of the limit.",
           "/conns/listener/over_limit"},
    Metric{"rouse_listener_errors", counter, "", "Accepts that failed.", "/conns/listener/errors"},
    Metric{"rouse_connections", gauge, "", "Open connections of the host, ours included.",
           "/conns/open"},

    Metric{"rouse_reaper_children", counter, "", "Children that were reaped.", "/reaper/children"},
    Metric{"rouse_reaper_orphans", counter, "", "Adopted processes that were reaped.",
           "/reaper/orphans"},
    Metric{"rouse_reaper_running", gauge, "", "Children that are waited for.", "/reaper/running"},
    Metric{"rouse_cgroups", gauge, "", "Control groups of sessions.", "/reaper/cgroups"},
    Metric{"rouse_cgroups_failed", counter, "", "Processes that had to start without a group.",
           "/reaper/cgroups_failed"},
    Metric{"rouse_blocking_calls_given_up", counter, "", "Calls that the kernel kept too long.",
           "/reaper/calls_given_up"},

    Metric{"rouse_epoch", gauge, "", "Epoch: runs of the restore chain, the boot included.",
           "/epochs/epoch"},
    Metric{"rouse_restore_gate", MetricType::stateset, "", "Whether execs are let through.",
           "/epochs/gate", 1, "", "", "open shut"},
    Metric{"rouse_restore_link", MetricType::stateset, "", "The link to the host.", "/epochs/link",
           1, "", "", "connected none"},
    Metric{"rouse_restore_state", MetricType::stateset, "", "How the last chain ended.",
           "/epochs/report/state", 1, "", "", "running complete degraded failed"},
    Metric{"rouse_prepare_state", MetricType::stateset, "", "Preparation for a snapshot.",
           "/epochs/prepare/state", 1, "", "", "none preparing prepared resuming expired"},
    Metric{"rouse_restore_seconds", gauge, "seconds", "Duration of the last chain.",
           "/epochs/report/total_us", from_us},
    Metric{"rouse_restore_step_seconds", gauge, "seconds", "Durations of its last steps.",
           "/epochs/report/steps/*/duration_us", from_us, "step", "name"},
    Metric{"rouse_link_events_waiting", gauge, "", "Events that the host has not acknowledged.",
           "/epochs/events_waiting"},
    Metric{"rouse_link_events_dropped", counter, "", "Events that made room before it did.",
           "/epochs/events_dropped"},

    Metric{"rouse_events", counter, "", "Events recorded.", "/events/recorded"},
    Metric{"rouse_events_lost", counter, "", "Events that made room in the ring.", "/events/lost"},
    Metric{"rouse_events_ring_bytes", gauge, "bytes", "Bytes of the ring.", "/events/bytes"},
    Metric{"rouse_events_readers", gauge, "", "Readers of events.", "/events/readers"},
    Metric{"rouse_log_dropped_lines", counter, "lines", "Lines that the console did not take.",
           "/status/log_dropped"},

    Metric{"rouse_memory_resident_bytes", gauge, "bytes", "Resident memory of the agent.",
           "/vitals/agent/rss_kib", from_kib},
    Metric{"rouse_memory_anonymous_bytes", gauge, "bytes", "Anonymous memory of the agent.",
           "/vitals/agent/anon_kib", from_kib},
    Metric{"rouse_open_fds", gauge, "", "Descriptors of the agent.", "/vitals/agent/fds"},
    Metric{"rouse_max_fds", gauge, "", "Descriptors that the agent may have.",
           "/vitals/limits/open_files"},
    Metric{"rouse_guest_memory_bytes", gauge, "bytes", "Memory of the machine.",
           "/vitals/memory/total_kib", from_kib},
    Metric{"rouse_guest_memory_available_bytes", gauge, "bytes",
           "Memory that is to be had without swapping.", "/vitals/memory/available_kib", from_kib},
    Metric{"rouse_guest_oom_kills", counter, "", "Processes that the kernel killed for memory.",
           "/vitals/kernel/oom_kills"},
    Metric{"rouse_guest_threads", gauge, "", "Threads of all processes.", "/vitals/kernel/threads"},
    Metric{"rouse_guest_load1", gauge, "", "Load of one minute.", "/vitals/load/one", 0.01},
};

} // namespace

std::span<const Metric> metrics() {
    return table;
}

} // namespace rouse::debug
