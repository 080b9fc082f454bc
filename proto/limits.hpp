#pragma once
// Every deadline and limit of rouse, with its default, in one place. proto/README.md holds the same
// table for readers of the wire; a test compares the two.

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace rouse::proto::limits {

using namespace std::chrono_literals;

// Output
inline constexpr std::chrono::milliseconds write_timeout = 1s;
inline constexpr std::chrono::milliseconds stall_redial = 5s;
inline constexpr std::chrono::milliseconds drain_deadline_workload = 2s;
inline constexpr std::chrono::milliseconds drain_deadline_exec = 200ms;
inline constexpr std::size_t retention_workload = 1024 * 1024;
inline constexpr std::size_t retention_total = 64 * 1024 * 1024;
inline constexpr std::chrono::milliseconds relay_watch = 2s;
inline constexpr std::chrono::milliseconds redial_quiet = 60s;

// Restore
inline constexpr std::chrono::milliseconds connect_at_restore = 500ms;
inline constexpr std::chrono::milliseconds connect_else = 2s;
inline constexpr std::chrono::milliseconds confirm = 5s;
inline constexpr std::chrono::milliseconds answer_doubt = 500ms;
inline constexpr std::chrono::milliseconds spawn_gate = 5s;
inline constexpr std::chrono::milliseconds repair_step = 5s;
inline constexpr std::size_t network_interfaces = 32;
inline constexpr std::size_t network_addresses = 64;
inline constexpr std::size_t network_routes = 256;
inline constexpr std::size_t dns_names = 16;
inline constexpr std::chrono::milliseconds mmds_poll = 1s;
inline constexpr std::chrono::milliseconds mmds_poll_least = 100ms;
inline constexpr std::chrono::milliseconds mmds_poll_most = 10s;
inline constexpr std::chrono::milliseconds mmds_answer = 1s;
inline constexpr std::chrono::milliseconds mmds_document = 5s;
inline constexpr std::size_t mmds_bytes = 64 * 1024;
inline constexpr std::size_t mmds_keys = 32;
inline constexpr std::chrono::milliseconds vmclock_poll = 1s;

// Prepare for a snapshot
inline constexpr std::chrono::milliseconds prepare = 10s;
inline constexpr std::chrono::milliseconds prepare_flush = 2s;
inline constexpr std::chrono::milliseconds prepare_longest = 600s;
inline constexpr std::chrono::milliseconds lease = 60s;
inline constexpr std::chrono::milliseconds lease_longest = 3600s;
inline constexpr std::size_t frozen_filesystems = 16;
inline constexpr std::chrono::milliseconds hook = 5s;

// Processes
inline constexpr std::chrono::milliseconds kill_grace = 10s;
inline constexpr std::chrono::milliseconds shutdown_total = 30s;
inline constexpr std::chrono::milliseconds shutdown_kill = 2s;
inline constexpr std::chrono::milliseconds shutdown_flush = 6s;
inline constexpr std::chrono::milliseconds shutdown_unmount = 10s;

// Guest
inline constexpr std::chrono::milliseconds interface_wait = 5s;
inline constexpr std::chrono::milliseconds hotplug_step = 30s;
inline constexpr std::size_t hosts_entries = 1024;
inline constexpr std::size_t credential_bytes = 1024 * 1024;

// Workload
inline constexpr std::chrono::milliseconds restart_delay = 100ms;
inline constexpr std::chrono::milliseconds restart_delay_longest = 30s;
inline constexpr std::chrono::milliseconds restart_healthy = 10s;
inline constexpr std::chrono::milliseconds restart_window = 60s;
inline constexpr std::chrono::milliseconds ready = 90s;
inline constexpr std::chrono::milliseconds ready_interval = 200ms;
inline constexpr std::chrono::milliseconds ready_interval_least = 10ms;
inline constexpr std::chrono::milliseconds ready_probe = 5s;
inline constexpr std::chrono::milliseconds notify = 2s;
inline constexpr std::chrono::milliseconds exit_report = 2s;
inline constexpr std::chrono::milliseconds exit_report_longest = 600s;
inline constexpr std::size_t agent_memory_min = 16 * 1024 * 1024;
inline constexpr std::size_t agent_cpu_weight = 100;

// Disks
inline constexpr std::chrono::milliseconds device_wait = 10s;
inline constexpr std::size_t volumes = 64;

// Connections
inline constexpr std::chrono::milliseconds header_read = 5s;
inline constexpr std::chrono::milliseconds body_read = 10s;
inline constexpr std::chrono::milliseconds idle_keep_alive = 60s;
inline constexpr std::size_t connections = 1024;
inline constexpr std::size_t http_header = 16 * 1024;
inline constexpr std::size_t http_body = 1024 * 1024;

// Files
inline constexpr std::size_t files_transfers = 16;
inline constexpr std::size_t tar_extension = 64 * 1024;

// Streamed answers and inspection
inline constexpr std::chrono::milliseconds stream_write = 60s;
inline constexpr std::chrono::milliseconds stream_read = 60s;
inline constexpr std::size_t event_ring = 1024;
inline constexpr std::size_t event_ring_bytes = 256 * 1024;
inline constexpr std::size_t event_readers = 16;
inline constexpr std::size_t output_readers = 8;

// Frames. 28 KiB is the largest packet that no VMM in the field wedges on (FIELD-NOTES, trap 10).
inline constexpr std::size_t data_frame = 28 * 1024;
inline constexpr std::size_t control_frame = 64 * 1024;

// Exec
inline constexpr std::size_t sessions = 1024;
inline constexpr std::size_t captured_output = 1024 * 1024;
inline constexpr std::size_t exec_window = 64 * 1024;
inline constexpr std::size_t sessions_remembered = 256;
inline constexpr std::chrono::milliseconds session_memory = 600s;
inline constexpr std::size_t ids_forgotten = 4096;
inline constexpr std::chrono::milliseconds reattach_grace = 30s;

// Forward
inline constexpr std::size_t forwards = 256;

// Acknowledgements: a receiver acks each 256 KiB or 20 ms, and at once on ACK_NOW.
inline constexpr std::size_t ack_bytes = 256 * 1024;
inline constexpr std::chrono::milliseconds ack_delay = 20ms;

} // namespace rouse::proto::limits
