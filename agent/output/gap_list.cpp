#include "agent/output/gap_list.hpp"

#include <algorithm>

namespace rouse::output {

void GapList::append(std::uint64_t offset, std::uint64_t count) {
    if (count == 0) return;
    if (!gaps_.empty() && gaps_.back().end() == offset)
        gaps_.back().count += count;
    else
        gaps_.push_back({offset, count});
}

void GapList::prepend(std::uint64_t offset, std::uint64_t count) {
    if (count == 0) return;
    if (!gaps_.empty() && gaps_.front().offset == offset + count)
        gaps_.front() = {offset, count + gaps_.front().count};
    else
        gaps_.push_front({offset, count});
}

Gap GapList::swallow(std::uint64_t oldest, std::uint64_t bytes) {
    std::uint64_t end = oldest;
    // What touches the end afterwards belongs to it as well, hence >= and not >.
    while (!gaps_.empty() && end + bytes >= gaps_.front().offset) {
        const Gap& next = gaps_.front();
        if (next.offset > end) bytes -= next.offset - end;
        end = std::max(end, next.end());
        gaps_.pop_front();
    }
    const Gap whole{oldest, end + bytes - oldest};
    if (whole.count > 0) gaps_.push_front(whole);
    return whole;
}

void GapList::forget_before(std::uint64_t offset) {
    while (!gaps_.empty() && gaps_.front().end() <= offset)
        gaps_.pop_front();
    if (gaps_.empty() || gaps_.front().offset >= offset) return;
    gaps_.front() = {offset, gaps_.front().end() - offset};
}

std::uint64_t GapList::missing(std::uint64_t from, std::uint64_t to) const {
    std::uint64_t bytes = 0;
    for (const Gap& gap : gaps_) {
        const std::uint64_t begin = std::max(gap.offset, from);
        const std::uint64_t end = std::min(gap.end(), to);
        if (begin < end) bytes += end - begin;
    }
    return bytes;
}

std::optional<Gap> GapList::at(std::uint64_t offset) const {
    for (const Gap& gap : gaps_)
        if (gap.offset <= offset && offset < gap.end()) return Gap{offset, gap.end() - offset};
    return std::nullopt;
}

std::uint64_t GapList::next_after(std::uint64_t offset, std::uint64_t otherwise) const {
    for (const Gap& gap : gaps_)
        if (gap.offset > offset) return gap.offset;
    return otherwise;
}

} // namespace rouse::output
