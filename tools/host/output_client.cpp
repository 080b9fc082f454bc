#include "tools/host/output_client.hpp"

#include "proto/exec_stream.hpp"
#include "proto/link.hpp"
#include "tools/host/http_client.hpp"

#include <fmt/format.h>

namespace rouse::host {
namespace {

using proto::FrameType;
using namespace std::chrono_literals;

constexpr auto answer_limit = 10s;
constexpr auto redial_pause = 500ms;
constexpr auto give_up_after = 30s;

} // namespace

Awaitable<Outcome<>> OutputClient::run() {
    Timer pause(dialer_.executor());
    for (;;) {
        const auto done = co_await read_once();
        if (sink_gone_) co_return Outcome<>();
        if (done && (*done || !question_.follow)) co_return Outcome<>();
        const bool hopeless = !question_.follow || Clock::now() - heard_ > give_up_after;
        if (!done && hopeless) co_return done.error();
        pause.expires_after(redial_pause);
        (void)co_await pause.async_wait(no_throw); // ends early only when everything is cancelled
    }
}

Awaitable<Outcome<bool>> OutputClient::read_once() {
    decoder_ = proto::FrameDecoder();
    const HttpQuestion question{
        .method = "GET",
        .path = fmt::format("/v1/workload/output?follow={}&stream={}&from=oldest",
                            question_.follow ? 1 : 0, question_.stream),
        .body = {},
        .upgrade = {}};
    const HttpSink sink = [this](std::string_view bytes) { return take(bytes); };
    auto answer = co_await http_read(dialer_, question, Clock::now() + answer_limit, sink);
    if (!answer) co_return answer.error();
    constexpr unsigned ok = 200;
    if (answer->status != ok) {
        question_.follow = false; // a refusal stays one
        co_return Failure(
            fmt::format("'{}': output: {}", dialer_.target().text(), describe_answer(*answer)));
    }
    if (decoder_.pending() != 0)
        co_return Failure(
            fmt::format("'{}': output: it ended inside a frame", dialer_.target().text()));
    co_return complete();
}

Awaitable<Outcome<bool>> OutputClient::take(std::string_view bytes) {
    heard_ = Clock::now();
    decoder_.append(bytes);
    for (;;) {
        auto frame = decoder_.next();
        if (!frame) co_return Failure(frame.error().message());
        if (!*frame) co_return true;
        if ((*frame)->header.type == FrameType::error) {
            const auto error = proto::parse_error_document((*frame)->payload);
            co_return Failure(error ? error->message : "the guest gave up without a reason");
        }
        if (co_await take_frame(**frame)) continue;
        sink_gone_ = true;
        co_return false;
    }
}

Awaitable<bool> OutputClient::take_frame(const proto::Frame& frame) {
    const std::uint8_t stream = frame.header.stream;
    if (stream != proto::stream_id::out && stream != proto::stream_id::err) co_return true;
    Seen& seen = seen_.at(stream - proto::stream_id::out);
    LogPiece piece;
    piece.is_err = stream == proto::stream_id::err;
    const std::uint64_t next = seen.next.value_or(frame.header.offset);
    if (frame.header.type == FrameType::eos) {
        seen.ended = true;
        co_return true;
    }
    if (frame.header.type == FrameType::dropped) {
        const auto dropped = proto::parse_dropped(frame.payload);
        const std::uint64_t end = frame.header.offset + (dropped ? dropped->count : 0);
        if (end <= next) co_return true;
        piece.lost = end - next;
        seen.next = end;
    } else if (frame.header.type == FrameType::data) {
        const std::uint64_t end = frame.header.offset + frame.payload.size();
        if (end <= next) co_return true;
        // What the guest forgot while we were away is lost for us.
        if (frame.header.offset > next) piece.lost = frame.header.offset - next;
        const std::uint64_t known = next > frame.header.offset ? next - frame.header.offset : 0;
        piece.bytes = frame.payload.substr(known);
        seen.next = end;
    } else {
        co_return true;
    }
    co_return co_await sink_(std::move(piece));
}

bool OutputClient::complete() const {
    const bool out = question_.stream == "stderr" || seen_[0].ended;
    const bool err = question_.stream == "stdout" || seen_[1].ended;
    return out && err;
}

} // namespace rouse::host
