#pragma once
// Names the packets of a session between guest and host, so that a test can name the one before
// which something is to happen: "output 1 guest>host RW 2" is the second packet with bytes of the
// guest on the first output connection that it dialled. Links have no number: one that is dialled
// before the guest has heard of its restore is dialled once more, and both are the same to a test.

#include "tests/uml/packet.hpp"

#include <map>
#include <string>

namespace rouse::uml {

class PacketNames {
public:
    /// The name of the next packet. Empty for packets of connections that are older than these
    /// names, and for those that only go on with what others of their kind have begun: the bytes
    /// of a long stream, say.
    [[nodiscard]] std::string next(Direction direction, const Packet& packet);

private:
    struct Conversation {
        std::string role;
        std::map<std::pair<Direction, Op>, unsigned> packets;
    };

    std::map<Ports, Conversation> conversations_;
    std::map<std::string, unsigned> dialled_; ///< by what they are for
};

} // namespace rouse::uml
