#include "agent/exec/session_output.hpp"

#include <algorithm>

namespace rouse::exec {

namespace {

/// One read, and what a session keeps when memory is short.
constexpr std::size_t one_read = 16 * 1024;
constexpr std::size_t least_kept = 4096;

} // namespace

std::size_t SessionOutput::room() const {
    if (keep_ != Keep::hold) return one_read;
    const std::uint64_t end = released_ + limit_;
    if (end <= kept_.next()) return 0;
    return std::min<std::uint64_t>(end - kept_.next(), one_read);
}

void SessionOutput::append(std::string_view bytes) {
    if (keep_ == Keep::first) {
        const std::size_t kept = std::min(limit_ - std::min(limit_, kept_.size()), bytes.size());
        truncated_ += bytes.size() - kept;
        kept_.append(bytes.substr(0, kept));
        return;
    }
    kept_.append(bytes);
    trim_to(limit_);
}

void SessionOutput::begin_at(std::uint64_t offset) {
    released_ = std::clamp(offset, kept_.oldest(), kept_.next());
}

void SessionOutput::release(std::uint64_t offset) {
    released_ = std::max(released_, std::min(offset, kept_.next()));
}

void SessionOutput::squeeze() {
    limit_ = keep_ == Keep::first ? std::min(limit_, kept_.size()) : least_kept;
    if (keep_ == Keep::first) return; // Its client waits for all of it.
    const std::uint64_t unacknowledged = kept_.next() - released_;
    trim_to(keep_ == Keep::hold ? std::max<std::uint64_t>(unacknowledged, limit_) : limit_);
}

void SessionOutput::end(proto::EndOfStream::How how) {
    if (!ended_) ended_ = how;
}

void SessionOutput::trim_to(std::size_t size) {
    if (kept_.size() <= size) return;
    const std::uint64_t oldest = kept_.next() - size;
    // Of what goes, the part that nobody has.
    const std::uint64_t first = std::max(kept_.oldest(), released_);
    if (oldest > first) lost_ += oldest - first;
    kept_.drop_before(oldest);
}

} // namespace rouse::exec
