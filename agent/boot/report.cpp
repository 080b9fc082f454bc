#include "agent/boot/report.hpp"

#include <algorithm>

namespace rouse::boot {

void Report::add(std::string name, const sys::Result<>& result) {
    steps_.push_back({.name = std::move(name),
                      .ok = result.has_value(),
                      .fatal = false,
                      .message = result ? "" : result.error().message()});
}

void Report::append(const Report& other) {
    steps_.insert(steps_.end(), other.steps_.begin(), other.steps_.end());
}

const Step* Report::fatal() const {
    const auto found = std::find_if(steps_.begin(), steps_.end(),
                                    [](const Step& step) { return !step.ok && step.fatal; });
    return found == steps_.end() ? nullptr : &*found;
}

} // namespace rouse::boot
