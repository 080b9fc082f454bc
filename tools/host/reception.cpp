#include "tools/host/reception.hpp"

#include <algorithm>

namespace rouse::host {

Reception::Visit::Visit(Reception& reception, FrameStream& stream)
    : reception_(reception), entry_(reception.mute_.insert(reception.mute_.end(), &stream)) {
    if (reception_.mute_.size() <= most_mute) return;
    const auto oldest = std::find_if(reception_.mute_.begin(), reception_.mute_.end(),
                                     [](const FrameStream* one) { return !one->closed(); });
    (*oldest)->close(); // there is one: ourselves
}

bool Reception::Visit::said_hello() {
    if (reception_.unproven_ == most_unproven) return false;
    leave();
    state_ = State::unproven;
    ++reception_.unproven_;
    return true;
}

void Reception::Visit::leave() {
    if (state_ == State::mute) reception_.mute_.erase(entry_);
    if (state_ == State::unproven) --reception_.unproven_;
    state_ = State::gone;
}

std::uint64_t Reception::count_refusal(Clock::time_point now) {
    constexpr std::chrono::seconds pause{1};
    ++unsaid_;
    if (said_ && now - *said_ < pause) return 0;
    said_ = now;
    return std::exchange(unsaid_, 0);
}

} // namespace rouse::host
