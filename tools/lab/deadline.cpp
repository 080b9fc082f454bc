#include "tools/lab/deadline.hpp"

#include <poll.h>

namespace rouse::lab {
namespace {

// Short beside what is waited for, a process that starts, and long beside the cost of one try.
constexpr auto retry_interval = std::chrono::milliseconds(5);

} // namespace

void wait_to_retry(Deadline deadline) {
    (void)poll(nullptr, 0, deadline.poll_timeout(retry_interval)); // waking early does no harm
}

} // namespace rouse::lab
