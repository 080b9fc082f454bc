#include "agent/sys/splice.hpp"

#include <fcntl.h>
#include <sys/types.h>

namespace rouse::sys {

namespace {

Result<Spliced> outcome_of(ssize_t count) {
    if (count > 0)
        return Spliced{.outcome = SpliceOutcome::moved, .bytes = static_cast<std::size_t>(count)};
    if (count == 0) return Spliced{.outcome = SpliceOutcome::end_of_stream, .bytes = 0};
    if (errno == EAGAIN) return Spliced{.outcome = SpliceOutcome::would_block, .bytes = 0};
    return last_error();
}

} // namespace

Result<Spliced> splice(int source, int sink, std::size_t limit_bytes) {
    ssize_t count = 0;
    do
        count = ::splice(source, nullptr, sink, nullptr, limit_bytes,
                         SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    while (count < 0 && errno == EINTR);
    return outcome_of(count);
}

Result<Spliced> tee(int source, int sink, std::size_t limit_bytes) {
    ssize_t count = 0;
    do
        count = ::tee(source, sink, limit_bytes, SPLICE_F_NONBLOCK);
    while (count < 0 && errno == EINTR);
    return outcome_of(count);
}

} // namespace rouse::sys
