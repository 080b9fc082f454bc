// What the guest sends over a session's connection.
#include "proto/link.hpp"
#include "proto/output.hpp"
#include "tools/host/exec_client.hpp"

#include <fmt/format.h>

namespace rouse::host {

using proto::FrameType;

Outcome<> ExecClient::take(const proto::Frame& frame) {
    switch (frame.header.type) {
    case FrameType::data:
    case FrameType::eos:
    case FrameType::dropped:
        return take_output(frame, frame.header.stream == proto::stream_id::err ? err_ : out_);
    case FrameType::ack: {
        const auto ack = proto::parse_ack(frame.payload);
        if (!ack) return Failure(ack.error().message());
        if (frame.header.stream == proto::stream_id::in)
            in_.acknowledged(frame.header.offset, *ack);
        return {};
    }
    case FrameType::started:
        return take_started(frame);
    case FrameType::exit:
        return take_exit(frame);
    case FrameType::error:
        return take_error(frame);
    case FrameType::detach:
        end_.detached = detaching_;
        return {};
    default:
        return {}; // PONG, which was heard, and types of a later version
    }
}

Outcome<> ExecClient::take_output(const proto::Frame& frame, ExecOutput& output) {
    if (frame.header.type == FrameType::data) return output.data(frame);
    if (frame.header.type == FrameType::eos) return output.end(frame.header.offset);
    const auto gap = proto::parse_dropped(frame.payload);
    if (!gap) return Failure(gap.error().message());
    note_lost(output.dropped(frame.header.offset, gap->count), frame.header.stream);
    return {};
}

Outcome<> ExecClient::take_started(const proto::Frame& frame) {
    const auto started = proto::parse_started(frame.payload);
    if (!started) return Failure(started.error().message());
    // Whoever attaches without saying from where begins with what is kept.
    const bool anywhere = !started_ && request_.empty();
    if (anywhere && !from_.out) out_.begin_at(started->out);
    if (anywhere && !from_.err) err_.begin_at(started->err);
    started_ = true;
    connected_ = true;
    note_lost(out_.connect(*stream_, started->out), proto::stream_id::out);
    note_lost(err_.connect(*stream_, started->err), proto::stream_id::err);
    if (started->control) {
        Outcome<> connected = in_.connect(*stream_, started->in);
        if (!connected) return connected;
    }
    say_what_waits();
    lost_at_.reset();
    if (std::exchange(told_, false)) notice(fmt::format("'{}': attached again", id_));
    if (listener_.on_started) listener_.on_started(*started);
    return {};
}

void ExecClient::say_what_waits() {
    for (const int number : std::exchange(signals_, {}))
        signal(number);
    if (size_) resize(*size_);
    if (detaching_) detach();
}

Outcome<> ExecClient::take_exit(const proto::Frame& frame) {
    const auto document = proto::parse_json(frame.payload);
    if (!document) return Failure(document.error().message());
    const auto status = proto::parse_exit_status(*document);
    if (!status) return Failure(status.error().message());
    end_.exit = *status;
    return {};
}

Outcome<> ExecClient::take_error(const proto::Frame& frame) {
    const auto document = proto::parse_json(frame.payload);
    if (!document) return Failure(document.error().message());
    if (auto spawn = proto::parse_spawn_failure(*document); spawn) {
        end_.failure = std::move(*spawn);
        return {};
    }
    const auto error = proto::parse_error_document(frame.payload);
    if (!error) return Failure("the guest gave up without a reason");
    if (error->kind == "replaced")
        return Failure(fmt::format("another client controls session '{}' now", id_));
    return Failure(error->message);
}

void ExecClient::note_lost(std::uint64_t bytes, std::uint8_t stream) {
    if (bytes == 0) return;
    end_.lost += bytes;
    notice(fmt::format("{} bytes of {} are lost here", bytes,
                       stream == proto::stream_id::err ? "stderr" : "stdout"));
}

void ExecClient::notice(const std::string& words) const {
    if (listener_.on_notice) listener_.on_notice(words);
}

} // namespace rouse::host
