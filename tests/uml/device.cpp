#include "tests/uml/device.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace rouse::uml {

namespace asio = boost::asio;

namespace {

constexpr std::uint16_t queue_mask = 0xff;      // of the ring's number in kick and call messages
constexpr std::uint64_t no_descriptor = 0x100U; // the frontend polls instead
/// A frontend that sends half a message must not hold up the loop for longer.
constexpr timeval half_message{.tv_sec = 5, .tv_usec = 0};

template <typename T>
std::string bytes_of(const T& value) {
    return {reinterpret_cast<const char*>(&value), sizeof value};
}

} // namespace

Device::Device(const host::Executor& executor, const std::filesystem::path& socket,
               DeviceHooks hooks)
    : path_(socket), hooks_(std::move(hooks)),
      acceptor_(executor, asio::local::stream_protocol::endpoint(socket.string())),
      frontend_(executor),
      queues_{Queue(executor, memory_), Queue(executor, memory_), Queue(executor, memory_)} {
    accept();
}

void Device::close() {
    boost::system::error_code ignored; // the descriptors are gone either way
    acceptor_.close(ignored);
    frontend_.close(ignored);
    for (Queue& queue : queues_)
        queue.kick.close(ignored);
}

bool Device::active() const {
    for (const Queue& queue : queues_)
        if (!queue.ring.active() || !queue.kick.is_open() || !queue.call.valid()) return false;
    return frontend_.is_open();
}

void Device::accept() {
    acceptor_.async_accept(frontend_, [this](const boost::system::error_code& error) {
        if (error) return; // closed
        (void)setsockopt(frontend_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &half_message,
                         sizeof half_message); // cannot fail on a socket of ours
        await_message();
    });
}

void Device::await_message() {
    frontend_.async_wait(UnixSocket::wait_read, [this](const boost::system::error_code& error) {
        if (error) return;
        take_message();
        if (frontend_.is_open()) await_message();
    });
}

void Device::take_message() {
    boost::system::error_code ignored; // a rest that is missing then counts as the end
    // Waiting has made the socket non-blocking.
    frontend_.native_non_blocking(false, ignored);
    try {
        std::optional<Message> message = receive_message(frontend_.native_handle());
        if (!message) return end("the guest hung up");
        answer(*message);
    } catch (const BadGuest& bad) {
        end(bad.what());
    }
}

void Device::answer(Message& message) {
    const int socket = frontend_.native_handle();
    switch (message.request) {
    case Request::get_features:
        return send_reply(socket, message.request,
                          bytes_of(feature_version_1 | feature_protocol_features));
    case Request::get_protocol_features:
        return send_reply(socket, message.request,
                          bytes_of(protocol_feature_backend_channel | protocol_feature_config));
    case Request::get_config:
        return answer_config(message);
    case Request::set_memory_table:
        return set_memory(message);
    case Request::set_backend_channel:
        backend_channel_ = message.take_descriptor();
        return;
    case Request::set_ring_size:
    case Request::set_ring_addresses:
    case Request::set_ring_base:
    case Request::get_ring_base:
    case Request::set_ring_enable:
    case Request::set_ring_kick:
    case Request::set_ring_call:
        return set_up_ring(message);
    case Request::set_features:
    case Request::set_owner:
    case Request::set_protocol_features:
        break; // nothing is offered that would have to be remembered
    }
}

void Device::answer_config(const Message& message) {
    const auto offset = message.field<std::uint32_t>(0);
    const auto size = message.field<std::uint32_t>(4);
    constexpr std::size_t head = 12; // offset, size, flags: repeated in the answer
    if (message.payload.size() != head + size) throw BadGuest("GET_CONFIG of another size");
    std::string config = bytes_of(cid_);
    config.resize(std::size_t{offset} + size, '\0');
    send_reply(frontend_.native_handle(), message.request,
               message.payload.substr(0, head) + config.substr(offset));
}

void Device::set_memory(Message& message) {
    constexpr std::size_t head = 8; // count and padding
    constexpr std::size_t entry = 32;
    GuestMemory memory;
    const auto count = message.field<std::uint32_t>(0);
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t at = head + i * entry;
        const MemoryRegion region{.guest_address = message.field<std::uint64_t>(at),
                                  .size = message.field<std::uint64_t>(at + 8),
                                  .user_address = message.field<std::uint64_t>(at + 16),
                                  .offset = message.field<std::uint64_t>(at + 24)};
        memory.map(region, message.take_descriptor());
    }
    // Rings point into the old mappings.
    for (Queue& queue : queues_)
        queue.ring = Virtqueue(memory_);
    memory_ = std::move(memory);
}

Device::Queue& Device::queue_of(const Message& message) {
    const auto index = message.field<std::uint32_t>(0) & queue_mask;
    if (index >= queues_.size()) throw BadGuest(fmt::format("there is no queue {}", index));
    return queues_.at(index);
}

void Device::set_up_ring(Message& message) {
    Queue& queue = queue_of(message);
    const auto index = static_cast<std::size_t>(&queue - queues_.data());
    switch (message.request) {
    case Request::set_ring_size:
        return queue.ring.set_size(message.field<std::uint32_t>(4));
    case Request::set_ring_addresses:
        return queue.ring.set_addresses({.descriptors = message.field<std::uint64_t>(8),
                                         .used = message.field<std::uint64_t>(16),
                                         .available = message.field<std::uint64_t>(24)});
    case Request::set_ring_base:
        return queue.ring.set_base(message.field<std::uint16_t>(4));
    case Request::get_ring_base: {
        const std::array<std::uint32_t, 2> state{static_cast<std::uint32_t>(index),
                                                 queue.ring.base()};
        queue.ring.set_enabled(false);
        return send_reply(frontend_.native_handle(), message.request, bytes_of(state));
    }
    case Request::set_ring_enable:
        queue.ring.set_enabled(message.field<std::uint32_t>(4) != 0);
        return on_kick(index);
    case Request::set_ring_call:
        if ((message.field<std::uint64_t>(0) & no_descriptor) != 0) return;
        queue.call = message.take_descriptor();
        // Only our end of the pipe: the loop must not wait for a guest that does not look.
        (void)fcntl(queue.call.get(), F_SETFL, O_NONBLOCK); // a guest's own mistake shows there
        return;
    default: { // set_ring_kick
        if ((message.field<std::uint64_t>(0) & no_descriptor) != 0)
            throw BadGuest("a guest that does not kick");
        host::Descriptor kick = message.take_descriptor();
        boost::system::error_code failed;
        queue.kick.close(failed);
        queue.kick.assign(kick.get(), failed);
        if (failed) throw BadGuest("the kick of a queue cannot be waited for");
        (void)kick.release(); // the stream descriptor owns it now
        await_kick(index);
    }
    }
}

void Device::end(const std::string& why) {
    boost::system::error_code ignored;
    frontend_.close(ignored);
    for (Queue& queue : queues_) {
        queue.kick.close(ignored);
        queue.ring.set_enabled(false);
    }
    hooks_.ended(why);
}

} // namespace rouse::uml
