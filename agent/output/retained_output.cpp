#include "agent/output/retained_output.hpp"

#include "proto/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <utility>

namespace rouse::output {

/// Counts as long as it exists; the reply and its running body share it.
struct RetainedOutput::Reader {
    Reader(std::size_t& readers, Scratch pipe) : count(readers), scratch(std::move(pipe)) {
        ++count;
    }
    ~Reader() { --count; }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    /// The next frame of any stream, each in its turn; nothing when no stream has one.
    std::optional<std::string> next() {
        for (std::size_t tried = 0; tried < cursors.size(); ++tried) {
            RetainedCursor& cursor = cursors[turn++ % cursors.size()];
            sys::Result<std::optional<std::string>> frame = cursor.next(scratch);
            // The body is cut off, which the client sees.
            if (!frame) throw std::runtime_error("kept output: " + frame.error().message());
            if (*frame) return std::move(**frame);
        }
        return std::nullopt;
    }
    [[nodiscard]] bool done() const { return std::ranges::all_of(cursors, &RetainedCursor::done); }

    std::size_t& count;
    Scratch scratch;
    std::vector<RetainedCursor> cursors;
    std::size_t turn = 0;
};

namespace {

struct Query {
    std::string stream = "both";
    std::optional<std::uint64_t> from;
    RetainedCursor::Until until = RetainedCursor::Until::now;
};

std::string value_of(const io::HttpRequest& request, const std::string& name,
                     const std::string& otherwise) {
    const auto found = request.query.find(name);
    return found == request.query.end() ? otherwise : found->second;
}

/// Nothing when a value is none of those that there are.
std::optional<Query> parse(const io::HttpRequest& request) {
    Query query;
    query.stream = value_of(request, "stream", "both");
    if (query.stream != "both" && query.stream != "stdout" && query.stream != "stderr")
        return std::nullopt;
    const std::string follow = value_of(request, "follow", "0");
    if (follow != "0" && follow != "1") return std::nullopt;
    if (follow == "1") query.until = RetainedCursor::Until::for_ever;
    const std::string from = value_of(request, "from", "oldest");
    if (from == "oldest") return query;
    std::uint64_t offset = 0;
    const auto [end, error] = std::from_chars(from.data(), from.data() + from.size(), offset);
    if (error != std::errc() || end != from.data() + from.size() || query.stream == "both")
        return std::nullopt;
    query.from = offset;
    return query;
}

io::HttpReply refusal(unsigned status, std::string_view kind, std::string_view message) {
    return io::HttpReply::error(status, kind, message);
}

} // namespace

RetainedOutput::RetainedOutput(const io::Executor& executor, Streams streams)
    : streams_(std::move(streams)), changed_(executor) {}

io::HttpRoute RetainedOutput::route() {
    io::HttpRoute route;
    route.handler = [this](io::HttpRequest request) { return answer(std::move(request)); };
    return route;
}

io::Awaitable<io::HttpReply> RetainedOutput::answer(io::HttpRequest request) {
    const std::optional<Query> query = parse(request);
    if (!query)
        co_return refusal(400, "bad_request",
                          "stream=stdout|stderr|both, follow=0|1, from=oldest, or from=OFFSET "
                          "with one stream");
    std::vector<RetainedStream> streams = streams_();
    std::erase_if(streams, [&query](const RetainedStream& stream) {
        return query->stream != "both" && query->stream != stream.name;
    });
    if (streams.empty()) co_return refusal(404, "not_found", "there is no such output");
    if (query->from.value_or(0) > streams.front().book->offsets().read)
        co_return refusal(400, "bad_request", "from: is beyond what the workload has written");
    if (readers_ >= proto::limits::output_readers)
        co_return refusal(503, "busy", fmt::format("{} read already", readers_));
    std::size_t capacity = 0;
    for (const RetainedStream& stream : streams)
        capacity = std::max(capacity, stream.pipes->capacity());
    sys::Result<Scratch> scratch = Scratch::make(capacity);
    if (!scratch) co_return refusal(503, "busy", "no pipe: " + scratch.error().message());
    const auto reader = std::make_shared<Reader>(readers_, std::move(*scratch));
    for (const RetainedStream& stream : streams)
        reader->cursors.emplace_back(stream, query->from, query->until);
    io::HttpReply reply;
    reply.content_type = "application/vnd.rouse.frames";
    reply.stream = [this, reader](const io::HttpSink& send) { return send_frames(reader, send); };
    co_return reply;
}

io::Awaitable<> RetainedOutput::send_frames(std::shared_ptr<Reader> reader,
                                            const io::HttpSink& send) {
    while (!reader->done()) {
        std::optional<std::string> frame = reader->next();
        if (!frame) {
            if (reader->done()) co_return;
            io::Awaitable<> waiting = changed_.wait();
            co_await std::move(waiting);
            continue;
        }
        io::Awaitable<bool> sending = send(std::move(*frame));
        const bool sent = co_await std::move(sending);
        if (!sent) co_return;
    }
}

} // namespace rouse::output
