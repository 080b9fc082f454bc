#pragma once
// Who controls a session: the newest that asked for it.

#include <cstdint>

namespace rouse::exec {

/// Pure. Each controller has a number of its own, which nobody gets again.
class Control {
public:
    /// Makes the caller the controller, and whoever was it no longer. The number stands for it.
    std::uint64_t take() { return holder_ = ++given_; }
    /// False, and nothing changes: another one controls.
    bool give_up(std::uint64_t number) {
        if (!is_held_by(number)) return false;
        holder_ = 0;
        return true;
    }
    [[nodiscard]] bool is_held_by(std::uint64_t number) const { return holder_ == number; }
    [[nodiscard]] bool is_held() const { return holder_ != 0; }

private:
    std::uint64_t holder_ = 0; ///< 0: nobody
    std::uint64_t given_ = 0;
};

} // namespace rouse::exec
