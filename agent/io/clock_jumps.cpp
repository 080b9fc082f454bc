#include "agent/io/clock_jumps.hpp"

#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/query.hpp>

#include <map>
#include <utility>

namespace rouse::io {

namespace {

using OnJump = std::function<void(std::chrono::milliseconds)>;

/// Belongs to the loop as its timers do, so that whoever has an executor finds it.
class ClockJumps : public asio::execution_context::service {
public:
    using key_type = ClockJumps;
    static const asio::execution_context::id id;

    explicit ClockJumps(asio::execution_context& context)
        : asio::execution_context::service(context) {}

    std::uint64_t add(OnJump on_jump) {
        listeners_.emplace(++newest_, std::move(on_jump));
        return newest_;
    }
    void remove(std::uint64_t number) { listeners_.erase(number); }

    void note(sys::SteadyTime planned, sys::SteadyTime fired) {
        if (!sys::is_jump(planned, fired) || planned <= noticed_) return;
        noticed_ = fired;
        const auto late = std::chrono::duration_cast<std::chrono::milliseconds>(fired - planned);
        const std::map<std::uint64_t, OnJump> listeners = listeners_; // One may go meanwhile.
        for (const auto& [number, on_jump] : listeners)
            on_jump(late);
    }

private:
    void shutdown() override { listeners_.clear(); }

    std::map<std::uint64_t, OnJump> listeners_;
    std::uint64_t newest_ = 0;
    sys::SteadyTime noticed_; ///< the newest jump
};

const asio::execution_context::id ClockJumps::id;

ClockJumps& jumps_of(const Executor& executor) {
    asio::execution_context& context = asio::query(executor, asio::execution::context);
    return asio::use_service<ClockJumps>(context);
}

} // namespace

void note_expiry(const Executor& executor, sys::SteadyTime planned, sys::SteadyTime fired) {
    if (sys::is_jump(planned, fired)) jumps_of(executor).note(planned, fired);
}

ClockJumpListener::ClockJumpListener(const Executor& executor, OnJump on_jump)
    : executor_(executor), number_(jumps_of(executor).add(std::move(on_jump))) {}

ClockJumpListener::~ClockJumpListener() {
    jumps_of(executor_).remove(number_);
}

} // namespace rouse::io
