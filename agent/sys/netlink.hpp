#pragma once
// Requests to the kernel over netlink: rtnetlink for interfaces, sock_diag for sockets. Small
// enough to be our own: libnl brings the C library's name services into a static binary, and 420
// KB.

#include "agent/sys/result.hpp"
#include "agent/sys/unique_fd.hpp"

#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

namespace rouse::sys {

using Bytes = std::span<const std::uint8_t>;

/// The bytes of a plain value, for attributes; borrows it.
template <typename T>
Bytes bytes_of(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    return {reinterpret_cast<const std::uint8_t*>(&value), sizeof value};
}

/// A message as it is being written: a structure of the protocol, then attributes.
class NetlinkMessage {
public:
    /// `flags`: NLM_F_* besides those that Netlink adds.
    template <typename Body>
    NetlinkMessage(std::uint16_t type, std::uint16_t flags, const Body& body)
        : NetlinkMessage(type, flags, bytes_of(body)) {}
    NetlinkMessage(std::uint16_t type, std::uint16_t flags, Bytes body);

    void add(std::uint16_t attribute, Bytes value);
    template <typename T>
    void add(std::uint16_t attribute, const T& value) {
        add(attribute, bytes_of(value));
    }

private:
    friend class Netlink;

    void append(Bytes bytes);

    std::vector<std::uint8_t> bytes_;
};

/// A message as it came; borrows its bytes.
struct NetlinkReply {
    std::uint16_t type = 0;
    Bytes body;

    /// The structure that the body begins with; zeros where the body is shorter.
    template <typename T>
    [[nodiscard]] T head() const {
        T head{};
        if (body.size() >= sizeof head) std::memcpy(&head, body.data(), sizeof head);
        return head;
    }
    /// The first attribute of this type behind a structure of `head_size` bytes.
    [[nodiscard]] std::optional<Bytes> attribute(std::size_t head_size, std::uint16_t type) const;
};

/// A number of the machine's byte order in an attribute.
std::optional<std::uint32_t> number_in(const std::optional<Bytes>& attribute);

/// One socket. Every call blocks until the kernel has answered, at most a second; used by one
/// thread at a time. Source: netlink(7).
class Netlink {
public:
    /// `protocol`: NETLINK_ROUTE, … Errors: EPROTONOSUPPORT for one that the kernel lacks.
    static Result<Netlink> open(int protocol);

    /// Sends a request and waits for its acknowledgement. Errors: what the kernel says.
    Result<> request(NetlinkMessage message);
    /// Sends a request and hands over each message of the answer. A list that changed while it was
    /// told comes again from its beginning, `begin_again` first. Errors: what the kernel says;
    /// EINTR when it changed every time.
    Result<> dump(NetlinkMessage message, const std::function<void()>& begin_again,
                  const std::function<void(const NetlinkReply&)>& each);

private:
    explicit Netlink(UniqueFd socket) : socket_(std::move(socket)) {}

    Result<> send(NetlinkMessage& message, std::uint16_t flags);
    enum class Heard { more, end };
    struct Header {
        std::uint16_t type;
        std::uint16_t flags;
        std::uint32_t sequence;
    };
    Result<Heard> take(const Header& header, Bytes body,
                       const std::function<void(const NetlinkReply&)>& each);
    Result<Heard> hear(const std::function<void(const NetlinkReply&)>& each);

    UniqueFd socket_;
    std::uint32_t sequence_ = 0;
    bool changed_ = false; ///< what is being told changed meanwhile
    std::vector<std::uint8_t> buffer_;
};

} // namespace rouse::sys
