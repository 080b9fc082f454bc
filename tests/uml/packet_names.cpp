#include "tests/uml/packet_names.hpp"

#include <fmt/format.h>

#include <string_view>

namespace rouse::uml {
namespace {

/// Of one kind, in one direction of one connection. A frame of output is a packet for its header
/// and one for each page: this is the hello, two frames, and the beginning of a third.
constexpr unsigned most_of_a_kind = 8;

constexpr std::uint32_t link_port = 4001;
constexpr std::uint32_t output_port = 4002;

std::string_view purpose(const Ports& ports) {
    if (ports.host == link_port) return "link";
    return ports.host == output_port ? "output" : "call";
}

} // namespace

std::string PacketNames::next(Direction direction, const Packet& packet) {
    const Ports ports = packet.ports(direction);
    if (packet.is(Op::request)) {
        const std::string what(purpose(ports));
        const unsigned number = ++dialled_[what];
        conversations_[ports] = {
            .role = ports.host == link_port ? what : fmt::format("{} {}", what, number),
            .packets = {}};
    }
    const auto found = conversations_.find(ports);
    if (found == conversations_.end()) return {};
    Conversation& conversation = found->second;
    const unsigned number = ++conversation.packets[{direction, packet.header.op}];
    if (number > most_of_a_kind) return {};
    return fmt::format("{} {} {} {}", conversation.role,
                       direction == Direction::from_guest ? "guest>host" : "host>guest",
                       name(packet.header.op), number);
}

} // namespace rouse::uml
