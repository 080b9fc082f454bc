#include "agent/exec/window.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace rouse::exec {

using proto::Parsed;
using proto::Problem;

Parsed<void> SendWindow::acknowledge(std::uint64_t offset, const proto::Ack& ack) {
    if (offset > sent_)
        return Problem("ACK frame",
                       fmt::format("offset {} is beyond the {} bytes sent", offset, sent_));
    if (offset < acked_)
        return Problem("ACK frame", fmt::format("offset {} goes back from {}", offset, acked_));
    acked_ = offset;
    eos_acked_ = eos_acked_ || ack.eos;
    window_ = ack.window;
    // A sum that wraps would take the credit away for good.
    const std::uint64_t limit = offset + std::min(ack.window, UINT64_MAX - offset);
    limit_ = std::max(limit_, limit);
    return {};
}

Parsed<void> ReceiveWindow::receive(const proto::FrameHeader& header) {
    if (ended_) return Problem("DATA frame", "comes after the end of its stream");
    if (header.offset != received_)
        return Problem("DATA frame",
                       fmt::format("offset {} does not follow {}", header.offset, received_));
    if (header.length > limit_ - received_)
        return Problem("DATA frame", fmt::format("exceeds the window of {}", window_));
    received_ += header.length;
    return {};
}

Parsed<void> ReceiveWindow::end(std::uint64_t offset) {
    if (said_) return Problem("EOS frame", "comes twice");
    if (offset != received_)
        return Problem("EOS frame",
                       fmt::format("offset {} is not the stream's length {}", offset, received_));
    ended_ = true;
    said_ = true;
    return {};
}

std::string ReceiveWindow::ack(std::uint8_t stream, bool eos) {
    acked_ = consumed_;
    limit_ = std::max(limit_, consumed_ + window_);
    proto::FrameHeader header;
    header.type = proto::FrameType::ack;
    header.stream = stream;
    header.offset = consumed_;
    proto::Ack document;
    document.window = window_;
    document.eos = eos;
    return proto::encode(header, boost::json::serialize(proto::to_json(document)));
}

} // namespace rouse::exec
