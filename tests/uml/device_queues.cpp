// The running half of the device: packets and events through the queues.

#include "tests/uml/device.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <unistd.h>

namespace rouse::uml {
namespace {

constexpr std::uint32_t event_transport_reset = 0;
constexpr std::uint32_t largest_payload = 64 * 1024; // VIRTIO_VSOCK_MAX_PKT_BUF_SIZE

/// Copies as much as the buffers take; how much that was.
std::size_t scatter(std::string_view bytes, const std::vector<std::span<char>>& buffers,
                    std::size_t skip) {
    std::size_t done = 0;
    for (std::span<char> buffer : buffers) {
        const std::size_t skipped = std::min(skip, buffer.size());
        skip -= skipped;
        buffer = buffer.subspan(skipped);
        const std::size_t count = std::min(buffer.size(), bytes.size() - done);
        std::memcpy(buffer.data(), bytes.data() + done, count);
        done += count;
    }
    return done;
}

/// Takes a packet out of the guest's buffers. Throws BadGuest for what is none.
Packet read_packet(const Chain& chain) {
    std::string bytes;
    for (const std::span<char>& buffer : chain.readable)
        bytes.append(buffer.data(), buffer.size());
    if (bytes.size() < PacketHeader::size) throw BadGuest("half a packet");
    Packet packet;
    packet.header =
        decode(std::span<const char, PacketHeader::size>(bytes.data(), PacketHeader::size));
    bytes.erase(0, PacketHeader::size);
    if (packet.header.length > largest_payload || packet.header.length > bytes.size())
        throw BadGuest("a packet that is longer than its buffers");
    bytes.resize(packet.header.length);
    packet.payload = std::move(bytes);
    return packet;
}

} // namespace

void Device::await_kick(std::size_t index) {
    queues_.at(index).kick.async_wait(
        Descriptor::wait_read, [this, index](const boost::system::error_code& error) {
            if (error) return; // closed
            std::uint64_t count = 0;
            // Only the count is lost when this fails: the rings are looked at anyway.
            [[maybe_unused]] const ssize_t got =
                ::read(queues_.at(index).kick.native_handle(), &count, sizeof count);
            on_kick(index);
            if (queues_.at(index).kick.is_open()) await_kick(index);
        });
}

void Device::on_kick(std::size_t index) {
    try {
        if (index == tx) take_packets();
        if (index == rx) give_packets();
        if (index == events && queues_[events].ring.active()) hooks_.events_refilled();
    } catch (const BadGuest& bad) {
        end(bad.what());
    }
}

void Device::take_packets() {
    Queue& queue = queues_[tx];
    bool any = false;
    // What a packet leads to may mute the device: the rest then waits in the ring.
    while (!mute_) {
        const std::optional<Chain> chain = queue.ring.pop();
        if (!chain) break;
        Packet packet = read_packet(*chain);
        queue.ring.push(*chain, 0);
        any = true;
        hooks_.packet(std::move(packet));
    }
    if (any) interrupt(queue);
}

void Device::send(Packet packet) {
    outbox_.push_back(std::move(packet));
    on_kick(rx);
}

std::size_t Device::fill(const Chain& chain, const Packet& packet) {
    if (chain.writable_bytes() <= PacketHeader::size)
        throw BadGuest("a receive buffer without room for a packet");
    PacketHeader header = packet.header;
    const std::size_t room = chain.writable_bytes() - PacketHeader::size;
    header.length = static_cast<std::uint32_t>(std::min(room, packet.payload.size()));
    const auto head = encode(header);
    (void)scatter({head.data(), head.size()}, chain.writable, 0);
    return scatter(std::string_view(packet.payload).substr(0, header.length), chain.writable,
                   PacketHeader::size);
}

void Device::give_packets() {
    Queue& queue = queues_[rx];
    bool any = false;
    while (!mute_ && !hold_ && !outbox_.empty()) {
        const std::optional<Chain> chain = queue.ring.pop();
        if (!chain) break;
        Packet& packet = outbox_.front();
        const std::size_t given = fill(*chain, packet);
        queue.ring.push(*chain, static_cast<std::uint32_t>(PacketHeader::size + given));
        any = true;
        PacketHeader header = packet.header;
        header.length = static_cast<std::uint32_t>(given);
        packet.payload.erase(0, given);
        packet.header.length = static_cast<std::uint32_t>(packet.payload.size());
        if (packet.payload.empty()) outbox_.pop_front();
        hooks_.delivered(header);
    }
    if (any) interrupt(queue);
}

bool Device::transport_reset() {
    try {
        Queue& queue = queues_[events];
        const std::optional<Chain> chain = queue.ring.pop();
        if (!chain) return false;
        const std::string event(reinterpret_cast<const char*>(&event_transport_reset),
                                sizeof event_transport_reset);
        if (scatter(event, chain->writable, 0) != event.size())
            throw BadGuest("an event buffer without room for an event");
        queue.ring.push(*chain, sizeof event_transport_reset);
        interrupt(queue);
        return true;
    } catch (const BadGuest& bad) {
        end(bad.what());
        return false;
    }
}

void Device::interrupt(Queue& queue) {
    if (!queue.ring.wants_interrupt() || !queue.call.valid()) return;
    const std::uint64_t one = 1;
    // A full pipe means that the guest has not looked at earlier interrupts yet: it will.
    [[maybe_unused]] const ssize_t written = ::write(queue.call.get(), &one, sizeof one);
}

void Device::set_mute(bool mute) {
    mute_ = mute;
    on_kick(tx);
    on_kick(rx);
}

void Device::hold_outbox(bool hold) {
    hold_ = hold;
    on_kick(rx);
}

} // namespace rouse::uml
