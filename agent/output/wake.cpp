#include "agent/output/wake.hpp"

namespace rouse::output {

io::Awaitable<> Wake::wait_until(io::Timer::time_point deadline) {
    timer_.expires_at(deadline);
    auto woken = co_await timer_.async_wait(io::no_throw);
    (void)woken; // The caller looks again; a cancelled task throws at its next suspension.
}

} // namespace rouse::output
