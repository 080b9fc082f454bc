#include "tests/uml/frame_tracker.hpp"

namespace rouse::uml {

bool FrameTracker::unfinished_behind(const Packet& packet) {
    const Ports ports = packet.ports(Direction::from_guest);
    if (ports.host != host_port_) return false;
    if (packet.is(Op::request))
        connections_[ports] = proto::FrameDecoder(proto::limits::control_frame);
    if (!packet.is(Op::rw)) return false;
    proto::FrameDecoder& frames = connections_[ports];
    frames.append(packet.payload);
    for (auto frame = frames.next(); frame && *frame; frame = frames.next()) {
    }
    return frames.pending() > 0;
}

} // namespace rouse::uml
