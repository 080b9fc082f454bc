#include "tests/support/kept_link.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include <sys/socket.h>

namespace rouse::test {

KeptLink::KeptLink(FrameConnection link) : link_(std::move(link)), thread_([this] { run(); }) {}

KeptLink::~KeptLink() {
    // The thread wakes; a link that the guest has ended needs no end.
    (void)::shutdown(link_.connection().descriptor(), SHUT_RDWR);
    thread_.join();
}

proto::Frame KeptLink::expect(proto::FrameType type, std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, limit, [this] { return !frames_.empty() || !ended_.empty(); }))
        throw std::runtime_error(
            fmt::format("no {} on the link within {} ms", name(type), limit.count()));
    if (frames_.empty())
        throw std::runtime_error(fmt::format("no {} on the link: {}", name(type), ended_));
    proto::Frame frame = std::move(frames_.front());
    frames_.pop_front();
    if (frame.header.type != type)
        throw std::runtime_error(fmt::format("expected {} on the link, got {} {}", name(type),
                                             name(frame.header.type), frame.payload));
    return frame;
}

void KeptLink::run() {
    std::string why = "it has ended";
    try {
        while (take_frame()) {
        }
    } catch (const std::runtime_error& failure) {
        why = failure.what();
    }
    const std::lock_guard lock(mutex_);
    ended_ = why;
    changed_.notify_all();
}

bool KeptLink::take_frame() {
    constexpr std::chrono::hours longer_than_any_test{1};
    auto frame = link_.receive(longer_than_any_test);
    if (!frame) return false;
    if (frame->header.type == proto::FrameType::ping) return link_.answer_ping(*frame);
    const std::lock_guard lock(mutex_);
    frames_.push_back(std::move(*frame));
    changed_.notify_all();
    return true;
}

} // namespace rouse::test
