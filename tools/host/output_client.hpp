#pragma once
// Reads a workload's output from its guest, without taking it away from a collector
// (`GET /v1/workload/output`, proto/README.md).

#include "proto/frame_decoder.hpp"
#include "tools/host/dialer.hpp"
#include "tools/host/log_reader.hpp"

#include <array>
#include <functional>

namespace rouse::host {

class OutputClient {
public:
    /// Takes a piece; false when no more can be taken.
    using Sink = std::function<Awaitable<bool>(LogPiece piece)>;

    /// Which streams, and whether to go on as more is written.
    struct Question {
        std::string stream = "both"; ///< "stdout", "stderr" or "both"
        bool follow = false;
    };

    /// Borrows the dialer.
    OutputClient(Dialer& dialer, Question question, Sink sink)
        : dialer_(dialer), question_(std::move(question)), sink_(std::move(sink)) {}

    /// Reads to the end: of what the guest retains, or with `follow` of the streams; then a lost
    /// connection is made anew, and what was seen is not given out again. Fails when the guest
    /// refuses or cannot be reached for half a minute.
    Awaitable<Outcome<>> run();

private:
    /// One connection. Whether everything that was asked for has come.
    Awaitable<Outcome<bool>> read_once();
    Awaitable<Outcome<bool>> take(std::string_view bytes);
    Awaitable<bool> take_frame(const proto::Frame& frame);
    [[nodiscard]] bool complete() const;

    struct Seen {
        std::optional<std::uint64_t> next; ///< offset after what was given out
        bool ended = false;
    };

    Dialer& dialer_;
    Question question_;
    Sink sink_;
    proto::FrameDecoder decoder_;
    std::array<Seen, 2> seen_;
    bool sink_gone_ = false;
    Clock::time_point heard_ = Clock::now();
};

} // namespace rouse::host
