#pragma once
// Blocks that begin with the time at which they were written, so that their reader knows how long
// they were under way: nanoseconds of the writer's steady clock as std::int64_t, then zeros.

#include <cstddef>

namespace rouse::test {

/// Length of a block, bytes. A page: such a write to a pipe is all or nothing.
constexpr std::size_t stamp_block = 4096;

} // namespace rouse::test
