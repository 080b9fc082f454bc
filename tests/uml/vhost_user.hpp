#pragma once
// Messages of the vhost-user protocol, as a backend sees them.
// Source: QEMU, docs/interop/vhost-user.rst; Linux, arch/um/drivers/vhost_user.h.

#include "tests/uml/guest_memory.hpp"

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rouse::uml {

enum class Request : std::uint32_t {
    get_features = 1,
    set_features = 2,
    set_owner = 3,
    set_memory_table = 5,
    set_ring_size = 8,
    set_ring_addresses = 9,
    set_ring_base = 10,
    get_ring_base = 11,
    set_ring_kick = 12,
    set_ring_call = 13,
    get_protocol_features = 15,
    set_protocol_features = 16,
    set_ring_enable = 18,
    set_backend_channel = 21,
    get_config = 24,
};

/// What user-mode Linux insists on.
constexpr std::uint64_t feature_version_1 = std::uint64_t{1} << 32U;
constexpr std::uint64_t feature_protocol_features = std::uint64_t{1} << 30U;
constexpr std::uint64_t protocol_feature_backend_channel = std::uint64_t{1} << 5U;
constexpr std::uint64_t protocol_feature_config = std::uint64_t{1} << 9U;

/// A message of the frontend. Owns the descriptors that came with it.
struct Message {
    Request request{};
    std::string payload;
    std::vector<host::Descriptor> descriptors;

    /// The field at `offset` of the payload. Throws BadGuest when the payload is too short.
    template <typename T>
    [[nodiscard]] T field(std::size_t offset) const {
        if (offset + sizeof(T) > payload.size())
            throw BadGuest("a vhost-user message is too short");
        T value{};
        std::memcpy(&value, payload.data() + offset, sizeof value);
        return value;
    }

    /// Takes the descriptor that this message has to carry. Throws BadGuest without one.
    [[nodiscard]] host::Descriptor take_descriptor();
};

/// Reads one message from a connected socket. The frontend writes a message at once, so that its
/// rest is waited for, under the socket's SO_RCVTIMEO. Nothing when the frontend is gone. Throws
/// BadGuest for what is no message.
[[nodiscard]] std::optional<Message> receive_message(int socket);

/// Answers a message that asks for something. Throws BadGuest when the frontend does not take it.
void send_reply(int socket, Request request, std::string_view payload);

} // namespace rouse::uml
