#include "agent/output/console_fallback.hpp"

#include <algorithm>

namespace rouse::output {

void ConsoleFallback::start(std::size_t kept, Clock::time_point now) {
    active_ = true;
    waiting_ = kept;
    counted_ = std::max(counted_, now - std::chrono::seconds(burst / per_second));
}

ConsoleFallback::Due ConsoleFallback::due(std::size_t kept, Clock::time_point now) {
    const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(now - counted_);
    const auto earned =
        static_cast<std::uint64_t>(std::max<std::int64_t>(passed.count(), 0)) * per_second / 1000;
    if (earned > 0) {
        allowance_ = static_cast<std::size_t>(std::min<std::uint64_t>(allowance_ + earned, burst));
        counted_ = now;
    }
    // Older bytes may have been dropped from what is kept before anybody could show them.
    const std::size_t waiting = std::exchange(waiting_, 0);
    const std::size_t there = std::min(waiting, kept);
    const std::size_t bytes = std::min(there, allowance_);
    dropped_ += waiting - bytes;
    return {.skip = kept - there, .bytes = bytes};
}

void ConsoleFallback::shown(std::size_t offered, std::size_t taken) {
    allowance_ -= std::min(allowance_, taken);
    shown_ += taken;
    dropped_ += offered - taken;
}

} // namespace rouse::output
