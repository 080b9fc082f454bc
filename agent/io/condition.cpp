#include "agent/io/condition.hpp"

namespace rouse::io {

Awaitable<> Condition::wait() {
    auto woken = co_await timer_.async_wait(no_throw);
    (void)woken; // It ends by notify_all(); a cancelled task throws at its next suspension.
}

} // namespace rouse::io
