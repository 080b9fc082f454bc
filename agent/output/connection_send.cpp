// The sending half of a connection, its hands: how the bytes of one frame leave.

#include "agent/output/connection.hpp"

#include <cerrno>
#include <utility>

#include <sys/socket.h>

namespace rouse::output {

using io::Awaitable;

/// A frame that fits in a page is one packet, header included, whatever the path.
Awaitable<bool> Connection::write_data(proto::FrameHeader header) {
    const bool small = header.length + proto::frame_header_size <= TwoPipes::share_from;
    Awaitable<bool> writing =
        small || options_.send == SendPath::copy ? write_copied(header) : write_spliced(header);
    co_return co_await std::move(writing);
}

Awaitable<bool> Connection::write_copied(proto::FrameHeader header) {
    const auto bytes = proto::encode(header);
    copied_.assign(bytes.data(), bytes.size());
    copied_.resize(bytes.size() + header.length);
    const sys::Result<> taken = state_.pipes.take(std::span<char>(copied_).subspan(bytes.size()));
    if (!taken) co_return fail("reading back", taken.error());
    state_.room.notify();
    Awaitable<bool> sending = send_all(copied_);
    co_return co_await std::move(sending);
}

Awaitable<bool> Connection::write_spliced(proto::FrameHeader header) {
    const auto bytes = proto::encode(header);
    const sys::Result<> begun = state_.pipes.begin_frame({bytes.data(), bytes.size()});
    if (!begun) co_return fail("framing", begun.error());
    std::size_t unsent = header.length;
    std::size_t framed = bytes.size();
    // Many small writes take up more slots than the frame has: it goes in pieces then.
    while (framed + unsent > 0) {
        const sys::Result<std::size_t> added = add_to_frame(unsent);
        if (!added) co_return fail("framing", added.error());
        unsent -= *added;
        framed += *added;
        Awaitable<std::size_t> sending = send_frame(framed);
        const std::size_t sent = co_await std::move(sending);
        if (sent == 0) co_return false;
        framed -= sent;
    }
    co_return true;
}

/// The caller keeps `bytes` until this has returned.
Awaitable<bool> Connection::send_all(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(socket_.native_handle(), bytes.data(), bytes.size(),
                                    MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
            state_.sent_bytes += static_cast<std::size_t>(sent);
        } else if (errno == EAGAIN) {
            Awaitable<bool> waiting = writable();
            if (!co_await std::move(waiting)) co_return false;
        } else if (errno != EINTR) {
            co_return fail("writing", sys::last_error());
        }
    }
    co_return true;
}

/// How much of `limit` bytes came to the frame, which may have no free slot.
sys::Result<std::size_t> Connection::add_to_frame(std::size_t limit) {
    if (limit == 0) return 0;
    const sys::Result<sys::Spliced> added = state_.pipes.add_to_frame(limit);
    if (!added) return added.error();
    if (added->bytes > 0) state_.room.notify();
    return added->bytes;
}

/// How much of the frame's `limit` bytes the socket took; 0 ends the connection.
Awaitable<std::size_t> Connection::send_frame(std::size_t limit) {
    if (limit == 0) { // `unsent` has less than the book says
        (void)fail("framing", sys::error_from(EIO));
        co_return 0;
    }
    for (;;) {
        const sys::Result<sys::Spliced> sent =
            state_.pipes.send_frame(socket_.native_handle(), limit);
        if (!sent) {
            (void)fail("writing", sent.error());
            co_return 0;
        }
        if (sent->outcome == sys::SpliceOutcome::moved) {
            state_.sent_bytes += sent->bytes;
            co_return sent->bytes;
        }
        // The frame has the bytes, so it is the socket that is full.
        Awaitable<bool> waiting = writable();
        if (!co_await std::move(waiting)) co_return 0;
    }
}

} // namespace rouse::output
