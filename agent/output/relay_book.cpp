#include "agent/output/relay_book.hpp"

#include "agent/sys/defence.hpp"
#include "proto/frame.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace rouse::output {

namespace {

std::uint64_t saturating_sum(std::uint64_t a, std::uint64_t b) {
    return a > std::numeric_limits<std::uint64_t>::max() - b
               ? std::numeric_limits<std::uint64_t>::max()
               : a + b;
}

} // namespace

RelayBook::RelayBook(Options options)
    : options_(options), drop_({.policy = options.policy,
                                .write_timeout = options.write_timeout,
                                .late_timer = options.late_timer}),
      stall_({.write_timeout = options.write_timeout,
              .stall_redial = options.stall_redial,
              .late_timer = options.late_timer}),
      cap_(options.largest_frame) {}

void RelayBook::filled(std::size_t taken, std::size_t moved) {
    offsets_.read += taken;
    kept_ += taken;
    if (!lagging_) {
        owed_ = owed_ + taken - moved;
        unsent_ += moved;
    }
    if (taken > 0 || moved > 0) drop_.room();
}

std::size_t RelayBook::forgo() {
    lagging_ = true;
    return std::exchange(owed_, 0);
}

void RelayBook::end(proto::EndOfStream end) {
    if (end_) return;
    end_ = end;
    losses_.close();
}

void RelayBook::drop_newest(std::size_t bytes, LossReason reason) {
    losses_.lose(offsets_.read, bytes, reason);
    gaps_.append(offsets_.read, bytes);
    offsets_.read += bytes;
}

void RelayBook::drop_oldest(std::size_t bytes) {
    // The front may be a gap already: the first byte that goes is the one behind it.
    const std::optional<Gap> front = gaps_.at(offsets_.acked);
    losses_.lose(front ? front->end() : offsets_.acked, bytes, LossReason::nobody);
    (void)gaps_.swallow(offsets_.acked, bytes);
    kept_ -= bytes;
}

std::size_t RelayBook::surplus() const {
    if (gaps_.size() <= most_gaps) return 0;
    return kept_between(offsets_.acked, gaps_.nth(gaps_.size() - most_gaps / 2).offset);
}

RelayBook::Greeting RelayBook::greet() {
    link_ = Link::greeting;
    end_sent_ = false;
    announced_ = offsets_.read;
    return {.oldest = offsets_.acked, .next = offsets_.read};
}

proto::Parsed<RelayBook::Replay> RelayBook::welcome(const proto::OutputWelcome& welcome) {
    if (link_ != Link::greeting) return proto::Problem("WELCOME frame", "was not asked for");
    if (welcome.version != static_cast<std::uint64_t>(proto::protocol_version))
        return proto::Problem("$.version", fmt::format("{} is not spoken here", welcome.version));
    // Compared with what the hello announced, not with what was read since: a host that knows more
    // than it was told has mixed up two streams.
    if (welcome.resume && *welcome.resume > announced_)
        return proto::Problem("$.resume",
                              fmt::format("{} is beyond {}, the end of what was written",
                                          *welcome.resume, announced_));
    const std::uint64_t from = welcome.resume.value_or(offsets_.acked);
    Replay replay{.release = 0, .below_oldest = from < offsets_.acked};
    if (replay.below_oldest) {
        gaps_.prepend(from, offsets_.acked - from);
        offsets_.acked = from;
    } else {
        replay.release = release_to(from);
    }
    offsets_.sent = from;
    unsent_ = kept_;
    lagging_ = false;
    drop_.welcomed();
    losses_.close(); // From here on it is the newest bytes that are lost, if any.
    credit_end_ = saturating_sum(from, welcome.window);
    cap_.allow(welcome.max_frame);
    link_ = Link::streaming;
    ++connections_;
    return replay;
}

proto::Parsed<std::size_t> RelayBook::acknowledge(std::uint64_t offset, const proto::Ack& ack) {
    if (link_ != Link::streaming) return proto::Problem("ACK frame", "came before WELCOME");
    if (offset > offsets_.sent)
        return proto::Problem("ACK frame", fmt::format("offset {} is beyond {}, which was sent",
                                                       offset, offsets_.sent));
    if (ack.eos && (!end_sent_ || offset != offsets_.read))
        return proto::Problem("ACK frame", "acknowledges an end that was not said");
    if (offset < offsets_.acked) return std::size_t{0}; // overtaken by a later one: says nothing
    cap_.prove(offset - offsets_.acked);
    const std::size_t release = release_to(offset);
    credit_end_ = saturating_sum(offset, ack.window);
    if (ack.eos) end_acked_ = true;
    return release;
}

/// The host has everything before `offset`. Returns how many bytes leave `kept`.
std::size_t RelayBook::release_to(std::uint64_t offset) {
    if (offset == offsets_.acked) return 0;
    const std::size_t release = kept_between(offsets_.acked, offset);
    offsets_.acked = offset;
    gaps_.forget_before(offset);
    kept_ -= release;
    drop_.released(kept_, gaps_.size() <= most_gaps / 2);
    if (!drop_.dropping()) losses_.close();
    return release;
}

std::size_t RelayBook::lost() {
    link_ = Link::down;
    end_sent_ = false;
    unsent_ = 0;
    losses_.close(); // From here on it is the oldest bytes that are lost, if any.
    return forgo();
}

bool RelayBook::wants_refill() const {
    return link_ == Link::streaming && lagging_ && unsent_ == 0;
}

std::size_t RelayBook::refill() {
    lagging_ = false;
    unsent_ = kept_between(offsets_.sent, offsets_.read);
    return kept_ - unsent_;
}

bool RelayBook::sendable() const {
    if (link_ != Link::streaming) return false;
    if (const std::optional<Gap> gap = gaps_.at(offsets_.sent)) return !grows(*gap);
    const bool behind = wants_refill() && offsets_.sent != offsets_.read;
    return behind || data_length() > 0 || end_is_due();
}

std::optional<RelayBook::NextFrame> RelayBook::next_frame(bool crowded) {
    using What = NextFrame::What;
    if (link_ != Link::streaming) return std::nullopt;
    if (const std::optional<Gap> gap = gaps_.at(offsets_.sent)) {
        if (grows(*gap)) return std::nullopt;
        offsets_.sent = gap->end();
        return NextFrame{
            .what = What::gap, .offset = gap->offset, .length = gap->count, .ack_now = true};
    }
    if (const std::size_t length = data_length(); length > 0) {
        const NextFrame frame{.what = What::data,
                              .offset = offsets_.sent,
                              .length = length,
                              .ack_now = crowded || kept_ >= options_.retention / 2};
        offsets_.sent += length;
        unsent_ -= length;
        return frame;
    }
    if (!end_is_due()) return std::nullopt;
    end_sent_ = true;
    return NextFrame{.what = What::end, .offset = offsets_.read, .length = 0, .ack_now = true};
}

/// Such a gap is said when it has ended: one frame a gap, not one a step.
bool RelayBook::grows(const Gap& gap) const {
    return gap.end() == offsets_.read && drop_.dropping() && !end_;
}

bool RelayBook::end_is_due() const {
    return end_ && !end_sent_ && offsets_.sent == offsets_.read;
}

/// What the next DATA may hold: it stays inside the credit and ends where a gap begins.
std::size_t RelayBook::data_length() const {
    const std::uint64_t room =
        std::min(credit(), gaps_.next_after(offsets_.sent, offsets_.read) - offsets_.sent);
    const std::size_t cap = frame_cap();
    const std::size_t payload = cap > options_.overhead ? cap - options_.overhead : cap;
    return static_cast<std::size_t>(std::min<std::uint64_t>({room, payload, unsent_}));
}

void RelayBook::give_up() {
    ++redials_;
    cap_.shrink();
}

std::uint64_t RelayBook::credit() const {
    return credit_end_ > offsets_.sent ? credit_end_ - offsets_.sent : 0;
}

std::size_t RelayBook::frame_cap() const {
    return sys::is_off(sys::Defence::frame_cap) ? options_.largest_frame : cap_.bytes();
}

std::size_t RelayBook::kept_between(std::uint64_t from, std::uint64_t to) const {
    return static_cast<std::size_t>(to - from - gaps_.missing(from, to));
}

} // namespace rouse::output
