#pragma once
// A virtio-vsock device as a vhost-user backend: three queues, a configuration with the guest's
// CID. It carries packets and events; what they mean is the business of its owner.

#include "tests/uml/packet.hpp"
#include "tests/uml/vhost_user.hpp"
#include "tests/uml/virtqueue.hpp"
#include "tools/host/async.hpp"

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <array>
#include <deque>
#include <filesystem>
#include <functional>
#include <optional>

namespace rouse::uml {

/// What the owner is told; all of them have to be set. Called from the loop.
struct DeviceHooks {
    std::function<void(Packet)> packet;                 ///< came from the guest
    std::function<void(const PacketHeader&)> delivered; ///< lies in a buffer of the guest
    std::function<void()> events_refilled;              ///< the guest has handled an event
    std::function<void(const std::string& why)> ended;  ///< the guest is gone or broke the rules
};

/// One thread. Lives as long as its loop runs.
class Device {
public:
    /// Listens on `socket` for the one guest. Throws boost::system::system_error.
    Device(const host::Executor& executor, const std::filesystem::path& socket, DeviceHooks hooks);
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;
    ~Device() = default;

    /// Stops listening and forgets the guest. No hook is called any more.
    void close();

    /// The guest's driver has set up all queues.
    [[nodiscard]] bool active() const;

    /// What the guest reads as its CID; it looks when the device starts and at each reset.
    void set_cid(std::uint64_t cid) { cid_ = cid; }
    [[nodiscard]] std::uint64_t cid() const { return cid_; }

    /// Queues a packet for the guest. RW packets are split where its buffers are small.
    void send(Packet packet);
    /// Forgets what is queued.
    void drop_queued() { outbox_.clear(); }
    [[nodiscard]] std::size_t queued() const { return outbox_.size(); }

    /// VIRTIO_VSOCK_EVENT_TRANSPORT_RESET. False when the guest has no buffer for an event.
    [[nodiscard]] bool transport_reset();

    /// Neither takes packets from the guest nor gives any, until it is told to go on.
    void set_mute(bool mute);
    /// Keeps packets for the guest back; takes from it as always.
    void hold_outbox(bool hold);

private:
    static constexpr std::size_t rx = 0;
    static constexpr std::size_t tx = 1;
    static constexpr std::size_t events = 2;
    using Descriptor = boost::asio::posix::stream_descriptor;
    using UnixSocket = boost::asio::local::stream_protocol::socket;

    /// A queue with the descriptors by which guest and device wake each other.
    struct Queue {
        Queue(const host::Executor& executor, const GuestMemory& memory)
            : ring(memory), kick(executor) {}
        Virtqueue ring;
        Descriptor kick;
        host::Descriptor call;
    };

    void accept();
    void await_message();
    void take_message();
    void answer(Message& message);
    void set_up_ring(Message& message);
    void set_memory(Message& message);
    void answer_config(const Message& message);
    Queue& queue_of(const Message& message);
    void await_kick(std::size_t index);
    void on_kick(std::size_t index);
    void take_packets();
    void give_packets();
    /// How many bytes of payload went into the chain.
    static std::size_t fill(const Chain& chain, const Packet& packet);
    static void interrupt(Queue& queue);
    void end(const std::string& why);

    std::filesystem::path path_;
    DeviceHooks hooks_;
    boost::asio::local::stream_protocol::acceptor acceptor_;
    UnixSocket frontend_;
    host::Descriptor backend_channel_; ///< kept open: the guest wants to hand it out
    GuestMemory memory_;
    std::array<Queue, 3> queues_;
    std::deque<Packet> outbox_;
    std::uint64_t cid_ = 3;
    bool mute_ = false;
    bool hold_ = false;
};

} // namespace rouse::uml
