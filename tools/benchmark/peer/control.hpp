#pragma once
// The control connection of a peer: the host says a command a line, and each is answered by a line.

#include "tools/benchmark/peer/verbs.hpp"

#include <functional>
#include <optional>
#include <string>

namespace rouse::bench_peer {

/// Of CLOCK_MONOTONIC and of timers, in nanoseconds.
inline constexpr std::uint64_t a_second = 1'000'000'000;

struct Command {
    std::string verb;
    std::uint64_t first = 0; ///< of its numbers; 0 where it has none
    std::uint64_t second = 0;
};

/// Writes all of it; false with errno set when that fails.
bool write_out(int descriptor, std::string_view bytes);

/// A timer that expires each `period` nanoseconds from now on; -1 with errno set.
int start_timer(std::uint64_t period);

/// Until the timer has expired once more.
bool await(int timer);

/// Does what a command says. The answer, without a line feed; nothing, with errno set, when it
/// cannot be done, or when nobody knows the command.
using Obey = std::function<std::optional<std::string>(const Command& command)>;

/// Obeys what comes over the connection to the only word until the connection ends.
int serve(Words words, const Obey& obey);

} // namespace rouse::bench_peer
