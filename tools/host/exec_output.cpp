#include "tools/host/exec_output.hpp"

#include "proto/limits.hpp"
#include "proto/output.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace rouse::host {

ExecOutput::ExecOutput(const Executor& executor, std::uint8_t number, Sink sink)
    : number_(number), sink_(std::move(sink)), changed_(executor, Clock::time_point::max()) {}

void ExecOutput::begin_at(std::uint64_t offset) {
    received_ = offset;
    consumed_ = offset;
}

std::uint64_t ExecOutput::connect(FrameStream& stream, std::uint64_t offset) {
    stream_ = &stream;
    const std::uint64_t lost = offset > received_ ? dropped(received_, offset - received_) : 0;
    // An offset below the one where this connection begins would go back.
    acknowledged_ = std::min(offset, received_);
    ack_now_ = acknowledged_ < received_;
    changed_.cancel();
    return lost;
}

Outcome<> ExecOutput::data(const proto::Frame& frame) {
    const std::uint64_t offset = frame.header.offset;
    if (offset > received_)
        return Failure(fmt::format("DATA of stream {} begins at {} instead of {}", number_, offset,
                                   received_));
    const std::uint64_t known = received_ - offset;
    if (known >= frame.payload.size()) return {};
    const std::string_view fresh = std::string_view(frame.payload).substr(known);
    // The window bounds what waits here.
    if (queue_.size() + fresh.size() > 2 * proto::limits::exec_window)
        return Failure(fmt::format("DATA of stream {} goes beyond the window", number_));
    queue_ += fresh;
    received_ += fresh.size();
    ack_now_ = ack_now_ || (frame.header.flags & proto::frame_flag::ack_now) != 0;
    changed_.cancel();
    return {};
}

std::uint64_t ExecOutput::dropped(std::uint64_t offset, std::uint64_t count) {
    const std::uint64_t end = offset + std::min(count, UINT64_MAX - offset);
    if (end <= received_) return 0;
    const std::uint64_t lost = end - received_;
    received_ = end;
    // What waits to be taken lies before the gap; behind it consumption goes on.
    consumed_ += lost;
    ack_now_ = true;
    changed_.cancel();
    return lost;
}

Outcome<> ExecOutput::end(std::uint64_t offset) {
    if (offset > received_)
        return Failure(fmt::format("EOS of stream {} is at {}, but {} bytes came", number_, offset,
                                   received_));
    ended_ = true;
    changed_.cancel();
    if (done_) acknowledge(); // said again over a new connection
    return {};
}

Awaitable<> ExecOutput::drain() {
    while (!done_) {
        while (queue_.empty() && !ended_ && !ack_now_)
            (void)co_await changed_.async_wait(no_throw); // cancelled when more has come
        const bool at_once = std::exchange(ack_now_, false) || ended_;
        const std::string bytes = std::exchange(queue_, {});
        const bool taken = bytes.empty() || co_await sink_(number_, bytes);
        if (!taken) {
            refused_ = true;
            if (stream_ != nullptr) stream_->close();
            break;
        }
        consumed_ += bytes.size();
        done_ = ended_ && queue_.empty();
        acknowledge_if_due(at_once);
    }
    changed_.cancel();
}

void ExecOutput::acknowledge_if_due(bool at_once) {
    // Bytes of the connection before this one: the guest does not wait for them.
    if (consumed_ < acknowledged_) return;
    // A quarter of the window: late enough to be cheap, early enough that the guest never waits.
    const std::uint64_t fresh = consumed_ - acknowledged_;
    if (done_ || (at_once && fresh > 0) || fresh >= proto::limits::exec_window / 4) acknowledge();
}

void ExecOutput::acknowledge() {
    if (stream_ == nullptr) return;
    acknowledged_ = consumed_;
    const proto::Ack ack{.window = proto::limits::exec_window, .eos = done_};
    stream_->send({.type = proto::FrameType::ack,
                   .stream = number_,
                   .flags = 0,
                   .length = 0,
                   .offset = consumed_},
                  boost::json::serialize(to_json(ack)));
}

Awaitable<> ExecOutput::settled() {
    while (!done_ && !refused_)
        (void)co_await changed_.async_wait(no_throw); // cancelled when all was taken
}

} // namespace rouse::host
