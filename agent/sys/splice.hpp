#pragma once
// Moving and copying bytes between pipes and sockets inside the kernel. Never blocks: a blocking
// splice holds the pipe's lock, which freezes its writer and makes an exiting writer un-reapable.

#include "agent/sys/result.hpp"

#include <cstddef>

namespace rouse::sys {

enum class SpliceOutcome { moved, end_of_stream, would_block };

struct Spliced {
    SpliceOutcome outcome = SpliceOutcome::would_block;
    std::size_t bytes = 0; ///< more than 0 exactly when `outcome` is `moved`
};

/// Moves up to `limit_bytes` (more than 0) from `source` to `sink`, one of which is a pipe. Borrows
/// both. A socket sink must be O_NONBLOCK itself: SPLICE_F_NONBLOCK only covers the pipe. The
/// caller ignores SIGPIPE. Errors: EPIPE when the peer or the last reader is gone; ENOTCONN after a
/// vsock transport reset. `would_block` is ambiguous between the two sides; `end_of_stream` means
/// that the source is empty and has no writer. Source: splice(2).
Result<Spliced> splice(int source, int sink, std::size_t limit_bytes);

/// Copies up to `limit_bytes` (more than 0) from one pipe to another without consuming them; the
/// copy shares the pages. Borrows both. Outcomes and errors as for splice. Source: tee(2).
Result<Spliced> tee(int source, int sink, std::size_t limit_bytes);

} // namespace rouse::sys
