#include "agent/output/retained_cursor.hpp"

#include "agent/sys/descriptor.hpp"
#include "agent/sys/splice.hpp"
#include "proto/exec_stream.hpp"
#include "proto/frame.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cerrno>
#include <span>

#include <fcntl.h>

namespace rouse::output {

namespace json = boost::json;

using proto::FrameType;

sys::Result<Scratch> Scratch::make(std::size_t capacity) {
    Scratch scratch;
    sys::Result<sys::Pipe> pipe = sys::make_pipe(sys::PipeMode::nonblocking);
    if (!pipe) return pipe.error();
    sys::Result<sys::UniqueFd> null = sys::open_file("/dev/null", O_WRONLY);
    if (!null) return null.error();
    scratch.pipe_ = std::move(*pipe);
    scratch.null_ = std::move(*null);
    const sys::Result<std::size_t> grown =
        sys::set_pipe_capacity(scratch.pipe_.write.get(), capacity);
    if (!grown) return grown.error();
    return scratch;
}

sys::Result<std::string> Scratch::copy(const TwoPipes& pipes, std::size_t skip, std::size_t count) {
    const sys::Result<> copied = pipes.copy_kept(pipe_.write.get(), skip + count);
    if (!copied) return copied.error();
    while (skip > 0) {
        const sys::Result<sys::Spliced> gone = sys::splice(pipe_.read.get(), null_.get(), skip);
        if (!gone) return gone.error();
        if (gone->bytes == 0) return sys::error_from(EIO);
        skip -= gone->bytes;
    }
    std::string bytes(count, '\0');
    for (std::size_t have = 0; have < count;) {
        const sys::Result<sys::Moved> read =
            sys::read_some(pipe_.read.get(), std::span<char>(bytes).subspan(have));
        if (!read) return read.error();
        if (read->bytes == 0) return sys::error_from(EIO);
        have += read->bytes;
    }
    return bytes;
}

sys::Result<RetainedPiece> copy_retained(const RetainedStream& stream, Scratch& scratch,
                                         std::uint64_t from, std::uint64_t end, std::size_t limit) {
    const RelayBook& book = *stream.book;
    const std::uint64_t oldest = book.offsets().acked;
    // The host has acknowledged them, or they were dropped: they are not kept here any more.
    if (from < oldest) return RetainedPiece{.missing = oldest - from, .bytes = {}};
    if (const std::optional<Gap> gap = book.gap_list().at(from))
        return RetainedPiece{.missing = gap->count, .bytes = {}};
    const std::uint64_t whole = book.gap_list().next_after(from, end);
    const auto count =
        static_cast<std::size_t>(std::min<std::uint64_t>(std::min(end, whole) - from, limit));
    if (count == 0) return RetainedPiece();
    const auto skip =
        static_cast<std::size_t>(from - oldest - book.gap_list().missing(oldest, from));
    sys::Result<std::string> bytes = scratch.copy(*stream.pipes, skip, count);
    if (!bytes) return bytes.error();
    return RetainedPiece{.missing = 0, .bytes = std::move(*bytes)};
}

RetainedCursor::RetainedCursor(const RetainedStream& stream, std::optional<std::uint64_t> from,
                               Until until)
    : stream_(stream), position_(from.value_or(stream.book->offsets().acked)),
      stop_(stream.book->offsets().read), until_(until) {}

sys::Result<std::optional<std::string>> RetainedCursor::next(Scratch& scratch) {
    const RelayBook& book = *stream_.book;
    const std::uint64_t written = book.offsets().read;
    if (end_said_) return std::optional<std::string>();
    // A stream that has ended is shown to its end: nothing more can come.
    const bool stops = until_ == Until::now && !book.ended();
    const std::uint64_t end = stops ? std::min(stop_, written) : written;
    sys::Result<RetainedPiece> piece = copy_retained(
        stream_, scratch, position_, std::max(position_, end), proto::limits::data_frame);
    if (!piece) return piece.error();
    if (piece->missing > 0) return std::optional(dropped(piece->missing));
    if (!piece->bytes.empty()) return std::optional(data(piece->bytes));
    if (book.ended() && position_ == written) return std::optional(end_of_stream());
    return std::optional<std::string>();
}

bool RetainedCursor::done() const {
    return end_said_ || (until_ == Until::now && position_ >= stop_ && !stream_.book->ended());
}

std::string RetainedCursor::dropped(std::uint64_t count) {
    const std::string frame =
        proto::encode({.type = FrameType::dropped, .stream = stream_.number, .offset = position_},
                      json::serialize(proto::to_json(proto::Dropped{.count = count})));
    position_ += count;
    return frame;
}

std::string RetainedCursor::data(std::string_view bytes) {
    std::string frame = proto::encode(
        {.type = FrameType::data, .stream = stream_.number, .offset = position_}, bytes);
    position_ += bytes.size();
    return frame;
}

std::string RetainedCursor::end_of_stream() {
    end_said_ = true;
    return proto::encode({.type = FrameType::eos, .stream = stream_.number, .offset = position_},
                         json::serialize(proto::to_json(*stream_.book->ended())));
}

} // namespace rouse::output
