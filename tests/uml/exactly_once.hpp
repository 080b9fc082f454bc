#pragma once
// Whether a collector has exactly what the workload wrote: every byte once and in its place, or
// inside of a marked gap.

#include "tests/support/collected.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace rouse::uml {

/// How far a stream got: the offset behind what the collector has, gaps included.
[[nodiscard]] std::uint64_t collected_end(const test::Collected& collected,
                                          const std::string& generation, std::string_view stream);

/// What is wrong with a stream of the test's sequence; empty when nothing is.
[[nodiscard]] std::string compare(const test::Collected& collected, const std::string& generation,
                                  std::string_view stream);

/// Bytes inside of marked gaps.
[[nodiscard]] std::uint64_t lost_bytes(const test::Collected& collected,
                                       const std::string& generation, std::string_view stream);

/// Waits until both streams of the generation are at least `bytes` longer than now; a failure
/// after `limit` throws std::runtime_error.
void wait_growth(const test::Collected& collected, const std::string& generation,
                 std::uint64_t bytes, std::chrono::milliseconds limit = test::patience);

} // namespace rouse::uml
