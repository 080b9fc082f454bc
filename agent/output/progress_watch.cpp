#include "agent/output/progress_watch.hpp"

namespace rouse::output {

bool ProgressWatch::stuck(bool could_move, std::uint64_t progress, Clock::time_point now) {
    if (!could_move) {
        since_.reset();
        return false;
    }
    if (!since_ || progress != progress_) {
        since_ = now;
        progress_ = progress;
        return false;
    }
    if (now - *since_ < patience_) return false;
    since_ = now;
    return true;
}

} // namespace rouse::output
