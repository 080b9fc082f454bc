#pragma once
// The hands of a relay: two pipes behind the workload's. `kept` holds what the host has not
// acknowledged, `unsent` what was not sent. Both share the pages of the workload's writes.
//
//     workload's pipe --tee----> kept   --release--> /dev/null
//                     --splice-> unsent --add------> frame --send--> socket
//
// `frame` is a third, short one: it puts a header before the bytes of one frame, so that both leave
// in one piece. It is empty between two frames.
//
// While nobody streams, `unsent` is empty and only `kept` is filled (keep()); a replay makes
// `unsent` anew from `kept` (refill()).
//
// The same bytes may use more slots in one of the two than in the other (a replay by tee clears the
// merge flag), so nothing here assumes that splice moves what tee has copied.

#include "agent/sys/pipe.hpp"
#include "agent/sys/splice.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace rouse::output {

class TwoPipes {
public:
    /// From this many waiting bytes on, pages are shared; below, copying is cheaper and packs many
    /// small writes into one page.
    static constexpr std::size_t share_from = 4096;

    enum class FillOutcome {
        moved,   ///< try again
        no_room, ///< wait until something was sent or released
        empty,   ///< wait until the source is readable
        ended,   ///< the source is empty and has no writer
    };

    struct Filled {
        FillOutcome outcome = FillOutcome::empty;
        std::size_t taken = 0; ///< bytes that are in `kept` now
        std::size_t moved = 0; ///< bytes that came to `unsent`
        std::size_t lost = 0;  ///< bytes that were read and could not be put anywhere
        bool behind = false;   ///< `unsent` could not be given what `kept` has, and has to lag
    };

    /// A page: no pipe is smaller (pipe(7)).
    static constexpr std::size_t smallest = 4096;

    /// Makes the pipes with `capacity` bytes each, or less where the kernel refuses (EPERM): both
    /// always have the same. Errors: EMFILE, ENFILE, ENOENT without /dev/null.
    static sys::Result<TwoPipes> make(std::size_t capacity);

    /// One step: moves the `owed` bytes that `kept` has already, or else takes new ones. Takes
    /// small ones only while both pipes have a free slot. Borrows `source`, a non-blocking pipe.
    sys::Result<Filled> fill(int source, std::size_t owed);
    /// One step for `kept` alone; nothing is owed.
    sys::Result<Filled> keep(int source);

    /// Begins a frame with its header. The frame before has left, or clear_unsent() was called.
    sys::Result<> begin_frame(std::string_view header);
    /// Moves up to `limit` bytes of `unsent`, which has them, behind the header. `would_block`: the
    /// frame has no free slot, send some of it first.
    sys::Result<sys::Spliced> add_to_frame(std::size_t limit);
    /// Moves up to `limit` bytes, not more than the frame has, to the non-blocking socket.
    sys::Result<sys::Spliced> send_frame(int socket, std::size_t limit);
    /// Takes exactly `out.size()` bytes out of `unsent`, which has them. Error: EIO if it has not.
    sys::Result<> take(std::span<char> out);

    /// Drops `bytes` from the front of `kept`, which has them.
    sys::Result<> release(std::size_t bytes);
    /// Drops all of `unsent`, and what is left of a frame.
    sys::Result<> clear_unsent();
    /// Fills `unsent`, which is empty, with all that is kept less the first `skip` bytes.
    sys::Result<> refill(std::size_t skip);
    /// Up to `limit` bytes of what is kept, from `skip` on; it stays kept. `unsent` must be empty
    /// and is so again.
    sys::Result<std::string> peek(std::size_t skip, std::size_t limit);
    /// Copies the first `bytes` of what is kept to a non-blocking pipe with as many slots, which is
    /// empty. Errors: those of tee(2); EIO when it has too few of them, or when less is kept.
    [[nodiscard]] sys::Result<> copy_kept(int sink, std::size_t bytes) const;
    /// Drops up to `limit` bytes of what `source` holds; `outcome` says why it stopped.
    sys::Result<sys::Spliced> drop(int source, std::size_t limit);

    /// keep() could take something, or fill() if not `kept_alone`.
    [[nodiscard]] bool has_room(bool kept_alone) const;
    /// `kept` has no free slot.
    [[nodiscard]] bool crowded() const;
    /// `kept` had none when something was to be put into it, and nothing was released since.
    [[nodiscard]] bool was_crowded() const { return crowded_; }
    [[nodiscard]] std::size_t capacity() const { return capacity_; }
    [[nodiscard]] std::size_t kept_bytes() const;
    [[nodiscard]] std::size_t unsent_bytes() const;

private:
    TwoPipes() = default;

    sys::Result<Filled> share(int source, std::size_t available);
    sys::Result<Filled> copy(int source, bool both);
    static Filled nothing_there(int source);
    Filled full();
    sys::Result<std::size_t> discard(int pipe, std::size_t bytes);

    sys::Pipe kept_;
    sys::Pipe unsent_;
    sys::Pipe frame_;
    sys::UniqueFd null_;
    std::size_t capacity_ = 0;
    bool crowded_ = false;
};

} // namespace rouse::output
