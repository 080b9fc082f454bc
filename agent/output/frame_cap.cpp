#include "agent/output/frame_cap.hpp"

#include <algorithm>

namespace rouse::output {

void FrameCap::allow(std::uint64_t bytes) {
    allowed_ = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, largest_));
}

void FrameCap::shrink() {
    const std::size_t now = bytes();
    const auto* const smaller =
        std::find_if(steps.begin(), steps.end(), [now](std::size_t step) { return step < now; });
    limit_ = smaller != steps.end() ? *smaller : steps.back();
    if (raised_) proof_ = std::min(proof_ * 2, longest_proof);
    raised_ = false;
    proven_ = 0;
}

void FrameCap::prove(std::uint64_t bytes) {
    if (!limit_) return;
    proven_ += bytes;
    if (proven_ < proof_) return;
    proven_ = 0;
    raised_ = true;
    const auto* const here = std::find(steps.begin(), steps.end(), *limit_);
    if (here == steps.begin())
        limit_.reset();
    else
        limit_ = *std::prev(here);
}

std::size_t FrameCap::bytes() const {
    return limit_ ? std::min(*limit_, allowed_) : allowed_;
}

} // namespace rouse::output
