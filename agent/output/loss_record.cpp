#include "agent/output/loss_record.hpp"

#include <utility>

namespace rouse::output {

std::string_view name(LossReason reason) {
    switch (reason) {
    case LossReason::stalled:
        return "stalled";
    case LossReason::nobody:
        return "nobody_connected";
    case LossReason::failed:
        return "failed";
    }
    return "unknown";
}

void LossRecord::lose(std::uint64_t offset, std::uint64_t count, LossReason reason) {
    if (count == 0) return;
    if (open_ && open_->reason != reason) close();
    if (!open_) {
        open_ = Loss{.offset = offset, .count = 0, .reason = reason};
        ++episodes_;
    }
    open_->count += count;
    bytes_ += count;
}

void LossRecord::close() {
    if (open_) closed_.push_back(*std::exchange(open_, std::nullopt));
}

std::optional<Loss> LossRecord::take() {
    if (closed_.empty()) return std::nullopt;
    const Loss loss = closed_.front();
    closed_.pop_front();
    return loss;
}

} // namespace rouse::output
