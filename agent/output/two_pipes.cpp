#include "agent/output/two_pipes.hpp"

#include "agent/sys/descriptor.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <fcntl.h>
#include <poll.h>

namespace rouse::output {

namespace {

using sys::SpliceOutcome;

/// Grows an empty pipe as far as the kernel allows and returns what it has then.
sys::Result<std::size_t> grow(const sys::Pipe& pipe, std::size_t wanted) {
    for (std::size_t bytes = wanted; bytes >= TwoPipes::smallest; bytes /= 2) {
        const sys::Result<std::size_t> got = sys::set_pipe_capacity(pipe.write.get(), bytes);
        if (got) return got;
        if (got.error() != sys::error_from(EPERM)) return got.error();
    }
    return sys::pipe_capacity(pipe.write.get());
}

bool has_free_slot(int pipe_write_end) {
    pollfd waiting{.fd = pipe_write_end, .events = POLLOUT, .revents = 0};
    return ::poll(&waiting, 1, 0) == 1 && (waiting.revents & POLLOUT) != 0;
}

/// Whether there is nothing to read, and nobody who could write.
bool is_over(int pipe_read_end) {
    pollfd waiting{.fd = pipe_read_end, .events = POLLIN, .revents = 0};
    return ::poll(&waiting, 1, 0) == 1 && (waiting.revents & POLLIN) == 0;
}

/// Writes at most a page to a pipe that has a free slot: all or nothing (pipe(7), PIPE_BUF).
sys::Result<> put(int pipe, std::string_view bytes) {
    const sys::Result<sys::Moved> written = sys::write_some(pipe, bytes);
    if (!written) return written.error();
    if (written->bytes != bytes.size()) return sys::error_from(EIO);
    return {};
}

} // namespace

sys::Result<TwoPipes> TwoPipes::make(std::size_t capacity) {
    TwoPipes pipes;
    sys::Result<sys::Pipe> kept = sys::make_pipe(sys::PipeMode::nonblocking);
    if (!kept) return kept.error();
    sys::Result<sys::Pipe> unsent = sys::make_pipe(sys::PipeMode::nonblocking);
    if (!unsent) return unsent.error();
    sys::Result<sys::Pipe> frame = sys::make_pipe(sys::PipeMode::nonblocking);
    if (!frame) return frame.error();
    sys::Result<sys::UniqueFd> null = sys::open_file("/dev/null", O_WRONLY);
    if (!null) return null.error();
    pipes.kept_ = std::move(*kept);
    pipes.unsent_ = std::move(*unsent);
    pipes.frame_ = std::move(*frame);
    pipes.null_ = std::move(*null);
    const sys::Result<std::size_t> first = grow(pipes.unsent_, capacity);
    if (!first) return first.error();
    const sys::Result<std::size_t> second = grow(pipes.kept_, *first);
    if (!second) return second.error();
    // A replay puts all slots of `kept` into `unsent`, so `kept` must not have more of them.
    const sys::Result<std::size_t> shrunk =
        *second < *first ? sys::set_pipe_capacity(pipes.unsent_.write.get(), *second) : second;
    if (!shrunk) return shrunk.error();
    pipes.capacity_ = *second;
    return pipes;
}

sys::Result<TwoPipes::Filled> TwoPipes::fill(int source, std::size_t owed) {
    if (owed > 0) {
        const sys::Result<sys::Spliced> paid = sys::splice(source, unsent_.write.get(), owed);
        if (!paid) return paid.error();
        // Nothing is there to be paid from only if the workload has read its own output back.
        if (paid->outcome == SpliceOutcome::end_of_stream)
            return Filled{.outcome = FillOutcome::ended};
        const FillOutcome outcome = paid->bytes < owed ? FillOutcome::no_room : FillOutcome::moved;
        return Filled{.outcome = outcome, .moved = paid->bytes};
    }
    const sys::Result<std::size_t> available = sys::bytes_readable(source);
    if (!available) return available.error();
    if (*available == 0) return nothing_there(source);
    if (*available >= share_from) return share(source, *available);
    if (!has_free_slot(kept_.write.get())) return full();
    if (!has_free_slot(unsent_.write.get())) return Filled{.outcome = FillOutcome::no_room};
    return copy(source, true);
}

sys::Result<TwoPipes::Filled> TwoPipes::keep(int source) {
    const sys::Result<std::size_t> available = sys::bytes_readable(source);
    if (!available) return available.error();
    // Before the question whether there is room: who has written nothing waits for none.
    if (*available == 0) return nothing_there(source);
    if (!has_free_slot(kept_.write.get())) return full();
    if (*available < share_from) return copy(source, false);
    const sys::Result<sys::Spliced> moved = sys::splice(source, kept_.write.get(), *available);
    if (!moved) return moved.error();
    if (moved->outcome != SpliceOutcome::moved) return Filled{.outcome = FillOutcome::empty};
    return Filled{.outcome = FillOutcome::moved, .taken = moved->bytes};
}

TwoPipes::Filled TwoPipes::nothing_there(int source) {
    return {.outcome = is_over(source) ? FillOutcome::ended : FillOutcome::empty};
}

TwoPipes::Filled TwoPipes::full() {
    crowded_ = true;
    return {.outcome = FillOutcome::no_room};
}

sys::Result<TwoPipes::Filled> TwoPipes::share(int source, std::size_t available) {
    const sys::Result<sys::Spliced> copied = sys::tee(source, kept_.write.get(), available);
    if (!copied) return copied.error();
    // The bytes were there: unless the workload has read them itself, it is `kept` that is full.
    if (copied->outcome != SpliceOutcome::moved)
        return crowded() ? full() : Filled{.outcome = FillOutcome::empty};
    const sys::Result<sys::Spliced> moved = sys::splice(source, unsent_.write.get(), copied->bytes);
    // What was copied counts even if the rest fails: it is owed then.
    return Filled{
        .outcome = FillOutcome::moved, .taken = copied->bytes, .moved = moved ? moved->bytes : 0};
}

sys::Result<TwoPipes::Filled> TwoPipes::copy(int source, bool both) {
    std::array<char, share_from> page; // NOLINT(cppcoreguidelines-pro-type-member-init)
    const sys::Result<sys::Moved> read = sys::read_some(source, page);
    if (!read) return read.error();
    if (read->outcome == sys::IoOutcome::end_of_stream)
        return Filled{.outcome = FillOutcome::ended};
    if (read->outcome == sys::IoOutcome::would_block) return Filled{.outcome = FillOutcome::empty};
    // From here on the bytes are ours: a kernel without a page for them has lost them.
    const std::string_view bytes(page.data(), read->bytes);
    Filled filled{.outcome = FillOutcome::moved};
    if (!put(kept_.write.get(), bytes)) {
        filled.lost = bytes.size();
        return filled;
    }
    filled.taken = bytes.size();
    if (both && put(unsent_.write.get(), bytes)) filled.moved = bytes.size();
    filled.behind = both && filled.moved == 0;
    return filled;
}

sys::Result<> TwoPipes::begin_frame(std::string_view header) {
    return put(frame_.write.get(), header);
}

sys::Result<sys::Spliced> TwoPipes::add_to_frame(std::size_t limit) {
    return sys::splice(unsent_.read.get(), frame_.write.get(), limit);
}

sys::Result<sys::Spliced> TwoPipes::send_frame(int socket, std::size_t limit) {
    return sys::splice(frame_.read.get(), socket, limit);
}

sys::Result<> TwoPipes::take(std::span<char> out) {
    std::size_t have = 0;
    while (have < out.size()) {
        const sys::Result<sys::Moved> read = sys::read_some(unsent_.read.get(), out.subspan(have));
        if (!read) return read.error();
        if (read->bytes == 0) return sys::error_from(EIO);
        have += read->bytes;
    }
    return {};
}

sys::Result<std::size_t> TwoPipes::discard(int pipe, std::size_t bytes) {
    std::size_t gone = 0;
    while (gone < bytes) {
        const sys::Result<sys::Spliced> dropped = sys::splice(pipe, null_.get(), bytes - gone);
        if (!dropped) return dropped.error();
        if (dropped->bytes == 0) break;
        gone += dropped->bytes;
    }
    return gone;
}

sys::Result<> TwoPipes::release(std::size_t bytes) {
    crowded_ = false;
    const sys::Result<std::size_t> gone = discard(kept_.read.get(), bytes);
    if (!gone) return gone.error();
    if (*gone != bytes) return sys::error_from(EIO);
    return {};
}

sys::Result<> TwoPipes::clear_unsent() {
    for (const sys::Pipe* pipe : {&frame_, &unsent_}) {
        const sys::Result<std::size_t> bytes = sys::bytes_readable(pipe->read.get());
        if (!bytes) return bytes.error();
        const sys::Result<std::size_t> gone = discard(pipe->read.get(), *bytes);
        if (!gone) return gone.error();
    }
    return {};
}

sys::Result<> TwoPipes::refill(std::size_t skip) {
    const std::size_t all = kept_bytes();
    if (all <= skip) return {};
    const sys::Result<sys::Spliced> copied = sys::tee(kept_.read.get(), unsent_.write.get(), all);
    if (!copied) return copied.error();
    if (copied->bytes != all) return sys::error_from(EIO);
    const sys::Result<std::size_t> gone = discard(unsent_.read.get(), skip);
    if (!gone) return gone.error();
    return {};
}

sys::Result<std::string> TwoPipes::peek(std::size_t skip, std::size_t limit) {
    const sys::Result<> filled = refill(skip);
    if (!filled) return filled.error();
    std::string bytes(std::min(limit, unsent_bytes()), '\0');
    const sys::Result<> taken = take(bytes);
    const sys::Result<> cleared = clear_unsent();
    if (!taken) return taken.error();
    if (!cleared) return cleared.error();
    return bytes;
}

sys::Result<> TwoPipes::copy_kept(int sink, std::size_t bytes) const {
    const sys::Result<sys::Spliced> copied = sys::tee(kept_.read.get(), sink, bytes);
    if (!copied) return copied.error();
    if (copied->bytes != bytes) return sys::error_from(EIO);
    return {};
}

sys::Result<sys::Spliced> TwoPipes::drop(int source, std::size_t limit) {
    return sys::splice(source, null_.get(), limit);
}

bool TwoPipes::has_room(bool kept_alone) const {
    return has_free_slot(kept_.write.get()) && (kept_alone || has_free_slot(unsent_.write.get()));
}

bool TwoPipes::crowded() const {
    return !has_free_slot(kept_.write.get());
}

std::size_t TwoPipes::kept_bytes() const {
    const sys::Result<std::size_t> bytes = sys::bytes_readable(kept_.read.get());
    return bytes ? *bytes : 0;
}

std::size_t TwoPipes::unsent_bytes() const {
    const sys::Result<std::size_t> bytes = sys::bytes_readable(unsent_.read.get());
    return bytes ? *bytes : 0;
}

} // namespace rouse::output
