#pragma once
// What one relay looks like from outside: a value for status, metrics and `rouse debug relays`.

#include "agent/output/relay_book.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace rouse::output {

struct RelayStatus {
    std::string stream; ///< "stdout" or "stderr"
    std::string state;  ///< "down", "greeting", "streaming", "finished"
    std::string policy; ///< "drop" or "block"
    std::string send;   ///< "splice" or "copy"
    RelayBook::Offsets offsets;
    std::uint64_t credit = 0; ///< bytes that the host has room for

    // The three pipes, bytes.
    std::size_t workload_bytes = 0;    ///< waiting in the workload's pipe
    std::size_t workload_capacity = 0; ///< 0 once it is closed
    std::size_t kept_bytes = 0;
    std::size_t unsent_bytes = 0;
    std::size_t capacity = 0;     ///< of `kept` and of `unsent`, each
    std::size_t memory_share = 0; ///< of the budget of all streams

    // The connection.
    std::uint64_t connections = 0; ///< that a host has welcomed
    bool socket_open = false;
    bool socket_writable = false; ///< it would take bytes now
    bool writing = false;         ///< a frame is on its way
    std::size_t frame_cap = 0;    ///< longest frame now
    std::uint64_t stalls = 0;
    std::uint64_t redials = 0; ///< connections that were given up for a stall
    std::optional<RelayBook::Clock::time_point> stalled_since;
    std::string why_down; ///< the last reason for an outage; empty while there is none

    // What is lost.
    bool dropping = false;           ///< bytes are being lost now
    std::uint64_t dropped_bytes = 0; ///< ever, and marked in band
    std::uint64_t drop_episodes = 0; ///< how often that began
    std::size_t gaps = 0;            ///< in what is kept now
    std::uint64_t after_end = 0;     ///< bytes that somebody wrote after the end, dropped

    std::uint64_t repairs = 0;       ///< lost wake-ups that the watchdog has made good
    bool console_active = false;     ///< the console shows what no host takes
    std::uint64_t console_shown = 0; ///< bytes
    std::uint64_t console_dropped = 0;

    std::optional<proto::EndOfStream> ended;
};

} // namespace rouse::output
