#include "agent/restore/event_queue.hpp"

#include "proto/frame.hpp"

namespace rouse::restore {

std::string EventQueue::add(std::string type, boost::json::object body) {
    const proto::Event event{++newest_, std::move(type), std::move(body)};
    proto::FrameHeader header;
    header.type = proto::FrameType::event;
    std::string frame = proto::encode(header, boost::json::serialize(proto::to_json(event)));
    kept_.push_back({event.sequence, frame});
    if (kept_.size() > limit) {
        kept_.pop_front();
        ++dropped_;
    }
    return frame;
}

void EventQueue::acknowledge(std::uint64_t sequence) {
    while (!kept_.empty() && kept_.front().sequence <= sequence)
        kept_.pop_front();
}

std::string EventQueue::frames() const {
    std::string all;
    for (const Kept& kept : kept_)
        all += kept.frame;
    return all;
}

} // namespace rouse::restore
