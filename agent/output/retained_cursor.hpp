#pragma once
// One reader's place in what is kept of one stream: turns it into frames without taking anything
// away from the host.
//
//     from ........ position ........ read        bytes that are gone before the reader saw them,
//     and
//                   |-- frames to come             gaps of the stream, are DROPPED frames

#include "agent/output/relay_book.hpp"
#include "agent/output/two_pipes.hpp"
#include "agent/sys/pipe.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace rouse::output {

/// What a reader may look at. Borrowed from a relay, which outlives the reader.
struct RetainedStream {
    std::uint8_t number = 0; ///< proto::stream_id
    std::string name;        ///< "stdout" or "stderr"
    const RelayBook* book = nullptr;
    const TwoPipes* pipes = nullptr;
};

/// A pipe into which kept bytes are copied to be read, and a place for those before them.
class Scratch {
public:
    /// With `capacity` bytes, that of the pipes it is for. Errors: EMFILE, ENFILE; EPERM where the
    /// kernel refuses the capacity.
    static sys::Result<Scratch> make(std::size_t capacity);

    /// `count` bytes of what is kept, behind `skip` others. Errors: those of tee(2), splice(2) and
    /// read(2); EIO when there are fewer.
    sys::Result<std::string> copy(const TwoPipes& pipes, std::size_t skip, std::size_t count);

private:
    Scratch() = default;

    sys::Pipe pipe_; ///< empty between two calls
    sys::UniqueFd null_;
};

/// What is kept of a stream at one place.
struct RetainedPiece {
    std::uint64_t missing = 0; ///< bytes from there on that are gone, released or dropped
    std::string bytes;         ///< where none are missing
};

/// At most `limit` bytes at offset `from`, none of `end` and beyond; neither is after what was
/// read. Errors: those of Scratch::copy().
sys::Result<RetainedPiece> copy_retained(const RetainedStream& stream, Scratch& scratch,
                                         std::uint64_t from, std::uint64_t end, std::size_t limit);

class RetainedCursor {
public:
    enum class Until { now, for_ever };

    /// Begins at offset `from`, or at the oldest byte that is kept. `now`: ends at what the
    /// workload has written by now.
    RetainedCursor(const RetainedStream& stream, std::optional<std::uint64_t> from, Until until);

    /// The next frame, encoded: DATA, DROPPED or EOS; nothing when there is none yet. Errors: those
    /// of Scratch::copy().
    sys::Result<std::optional<std::string>> next(Scratch& scratch);

    /// There is nothing more to come, ever.
    [[nodiscard]] bool done() const;

private:
    std::string dropped(std::uint64_t count);
    std::string data(std::string_view bytes);
    std::string end_of_stream();

    RetainedStream stream_;
    std::uint64_t position_;
    std::uint64_t stop_; ///< with Until::now
    Until until_;
    bool end_said_ = false;
};

} // namespace rouse::output
