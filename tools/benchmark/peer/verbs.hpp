#pragma once
// rouse-bench-peer: what benchmarks run beside the agent, natively and inside guests. It
// is static, so that it runs in an image that has nothing else. Every verb returns the exit status
// of the program: 0, or 1 after a line on standard error.

#include <cstdint>
#include <span>
#include <string_view>

namespace rouse::bench_peer {

using Words = std::span<const std::string_view>;

/// What one read and one splice of a peer may move: the agent's frame (proto::limits::data_frame).
constexpr std::size_t cap = 28 * 1024;

/// Prints "rouse-bench-peer: WHAT: the text of errno" and returns 1.
int failed(std::string_view what);

/// A connected socket, owned by the caller; -1 with errno set. `place` is `unix:PATH`, or
/// `vsock:PORT` for a port of the host.
int connect_to(std::string_view place);

/// produce CONTROL: writes to standard output what the control connection says, one command a
/// line, and answers each with a line:
///     bulk BYTES            writes so much, 64 KiB at once; done
///     lines COUNT           writes lines of 80 bytes, one a write; done
///     paced COUNT PERIOD    the same each PERIOD microseconds, with the time of the write, in
///                           nanoseconds of CLOCK_MONOTONIC, in front; done
///     cpu                   nanoseconds of processor time that our parent has had
///     clock                 CLOCK_MONOTONIC in nanoseconds
///     clean                 forgets which pages our parent has written to: done, or unknown where
///                           the kernel does not keep account
///     dirty                 how many pages our parent has written to since
/// Ends with the connection. Its parent is the relay that it writes to.
int produce(Words words);

/// family CONTROL: makes orphans as the control connection says, in lines as above:
///     wait COUNT            so many, which wait until the gate is opened; done, once their parent
///                           has ended
///     open                  opens the gate: they end, all at once; done, once they have
///     one-by-one COUNT      so many, each of which ends before the next one is made; done
/// Ends with the connection, and those that wait with it.
int family(Words words);

/// boot-time: prints CLOCK_BOOTTIME in microseconds, before it does anything else.
int boot_time(Words words);

/// Forgets which pages our parent has written to; false where the kernel does not keep account.
bool clean_pages();

/// How many pages our parent has written to since.
std::uint64_t dirty_pages();

/// relay splice|keep|copy OUTPUT CONTROL: a producer behind a pipe, and the least that a relay can
/// be.
int relay(Words words);

/// spawn COUNT: prints the median of COUNT times posix_spawn(3) and waitpid(2) of /bin/true, in
/// microseconds.
int spawn(Words words);

} // namespace rouse::bench_peer
