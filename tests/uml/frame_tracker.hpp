#pragma once
// Follows the frames on the guest's connections to one port of the host, so that a script can act
// in the middle of one.

#include "proto/frame_decoder.hpp"
#include "tests/uml/packet.hpp"

#include <map>

namespace rouse::uml {

class FrameTracker {
public:
    explicit FrameTracker(std::uint32_t host_port) : host_port_(host_port) {}

    /// Takes a packet of the guest. Whether it carries bytes and a frame is unfinished behind it;
    /// false for everything that is not for this port.
    [[nodiscard]] bool unfinished_behind(const Packet& packet);

private:
    std::uint32_t host_port_;
    std::map<Ports, proto::FrameDecoder> connections_;
};

} // namespace rouse::uml
