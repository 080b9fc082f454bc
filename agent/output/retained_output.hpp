#pragma once
// `GET /v1/workload/output`: what is kept of the workload's output, for whoever looks, beside the
// host's collector or without one. Looking takes nothing away and acknowledges nothing.

#include "agent/io/condition.hpp"
#include "agent/io/http.hpp"
#include "agent/output/retained_cursor.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace rouse::output {

/// One thread. A reader has a place in each stream and no queue: what is gone before a slow reader
/// came to it is told as DROPPED, and nobody waits.
class RetainedOutput {
public:
    /// The streams that there are now; what they borrow outlives every reader.
    using Streams = std::function<std::vector<RetainedStream>()>;

    RetainedOutput(const io::Executor& executor, Streams streams);

    /// `?stream=stdout|stderr|both`, `?from=oldest|OFFSET` (an offset needs one stream),
    /// `?follow=0|1`. Answers application/vnd.rouse.frames; 400 for a malformed query, 404 without
    /// the stream, 503 when too many read already or the kernel has no pipe for one more. Borrows
    /// this object.
    [[nodiscard]] io::HttpRoute route();

    /// Notified when more is kept, or a stream has ended.
    [[nodiscard]] io::Condition& changed() { return changed_; }
    /// The streams that there are now.
    [[nodiscard]] std::vector<RetainedStream> streams() const { return streams_(); }

    [[nodiscard]] std::size_t readers() const { return readers_; }

private:
    struct Reader;

    io::Awaitable<io::HttpReply> answer(io::HttpRequest request);
    io::Awaitable<> send_frames(std::shared_ptr<Reader> reader, const io::HttpSink& send);

    Streams streams_;
    io::Condition changed_;
    std::size_t readers_ = 0;
};

} // namespace rouse::output
