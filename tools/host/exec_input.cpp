#include "tools/host/exec_input.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace rouse::host {
namespace {

constexpr std::uint64_t longest_piece = 16 * 1024;

} // namespace

ExecInput::ExecInput(const Executor& executor) : changed_(executor, Clock::time_point::max()) {}

void ExecInput::begin(Kind kind, Source source) {
    kind_ = kind;
    source_ = std::move(source);
    ended_ = kind == Kind::ended;
}

Outcome<> ExecInput::connect(FrameStream& stream, std::uint64_t offset) {
    if (kind_ == Kind::none) return {};
    // Nothing was sent yet: the session may have got its input from another client.
    if (kept_.empty() && kept_from_ == 0 && sent_ == 0) kept_from_ = offset;
    if (offset < kept_from_)
        return Failure(fmt::format("the guest has {} bytes of stdin, but had acknowledged {}: it "
                                   "was set back",
                                   offset, kept_from_));
    if (offset > this->offset())
        return Failure(
            fmt::format("the guest has {} bytes of stdin, {} were sent", offset, this->offset()));
    forget(offset);
    stream_ = &stream;
    sent_ = offset;
    limit_ = offset + proto::limits::exec_window;
    end_sent_ = end_taken_;
    send();
    changed_.cancel();
    return {};
}

void ExecInput::acknowledged(std::uint64_t offset, const proto::Ack& ack) {
    if (kind_ == Kind::none || offset > sent_) return; // it cannot have what was not sent
    forget(offset);
    end_taken_ = end_taken_ || ack.eos;
    limit_ = std::max(limit_, offset + std::min(ack.window, UINT64_MAX - offset));
    send();
    changed_.cancel();
}

void ExecInput::forget(std::uint64_t up_to) {
    if (up_to <= kept_from_) return;
    kept_.erase(0, static_cast<std::size_t>(up_to - kept_from_));
    kept_from_ = up_to;
}

std::uint64_t ExecInput::room() const {
    const std::uint64_t most = std::min(limit_, kept_from_ + most_kept);
    return stream_ != nullptr && most > offset() ? most - offset() : 0;
}

void ExecInput::send() {
    const std::uint64_t up_to = std::min(limit_, offset());
    while (stream_ != nullptr && sent_ < up_to) {
        const auto size = static_cast<std::size_t>(std::min(up_to - sent_, longest_piece));
        stream_->send({.type = proto::FrameType::data,
                       .stream = proto::stream_id::in,
                       .flags = 0,
                       .length = 0,
                       .offset = sent_},
                      std::string_view(kept_).substr(sent_ - kept_from_, size));
        sent_ += size;
    }
    if (stream_ == nullptr || !ended_ || end_sent_ || sent_ < offset()) return;
    end_sent_ = true;
    stream_->send({.type = proto::FrameType::eos,
                   .stream = proto::stream_id::in,
                   .flags = 0,
                   .length = 0,
                   .offset = sent_},
                  boost::json::serialize(to_json(proto::EndOfStream{})));
}

Awaitable<> ExecInput::pump() {
    while (kind_ == Kind::from_source && !ended_) {
        while (room() == 0)
            (void)co_await changed_.async_wait(no_throw); // cancelled when there may be room
        const std::string bytes =
            co_await source_(static_cast<std::size_t>(std::min(room(), longest_piece)));
        ended_ = bytes.empty();
        kept_ += bytes;
        send();
    }
}

} // namespace rouse::host
