#include "tests/uml/vhost_user.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>

#include <sys/socket.h>

namespace rouse::uml {
namespace {

struct Header {
    std::uint32_t request = 0;
    std::uint32_t flags = 0;
    std::uint32_t size = 0;
};
static_assert(sizeof(Header) == 12);

constexpr std::uint32_t version_1 = 1;
constexpr std::uint32_t reply_flag = 4;
constexpr std::uint32_t longest_payload = 4096;
constexpr std::size_t most_descriptors = 8;

void take_descriptors(msghdr& received, std::vector<host::Descriptor>& into) {
    for (cmsghdr* part = CMSG_FIRSTHDR(&received); part != nullptr;
         part = CMSG_NXTHDR(&received, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int number = -1;
            std::memcpy(&number, CMSG_DATA(part) + i * sizeof number, sizeof number);
            into.emplace_back(number);
        }
    }
}

/// Reads exactly `size` bytes; false at the end of the connection.
bool read_exactly(int socket, char* bytes, std::size_t size) {
    std::size_t done = 0;
    while (done < size) {
        const ssize_t count = recv(socket, bytes + done, size - done, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw BadGuest(fmt::format("vhost-user: {}", std::strerror(errno)));
        if (count == 0) return false;
        done += static_cast<std::size_t>(count);
    }
    return true;
}

/// The header with the descriptors, which come with its first byte.
std::optional<Header> read_header(int socket, std::vector<host::Descriptor>& descriptors) {
    Header header;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(most_descriptors * sizeof(int))> control{};
    iovec buffer{.iov_base = &header, .iov_len = sizeof header};
    msghdr message{};
    message.msg_iov = &buffer;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t count = -1;
    do
        count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (count < 0 && errno == EINTR);
    if (count <= 0) return std::nullopt; // a frontend that died may leave ECONNRESET
    take_descriptors(message, descriptors);
    const auto have = static_cast<std::size_t>(count);
    if (!read_exactly(socket, reinterpret_cast<char*>(&header) + have, sizeof header - have))
        return std::nullopt;
    return header;
}

} // namespace

host::Descriptor Message::take_descriptor() {
    if (descriptors.empty()) throw BadGuest("a vhost-user message without its descriptor");
    host::Descriptor first = std::move(descriptors.front());
    descriptors.erase(descriptors.begin());
    return first;
}

std::optional<Message> receive_message(int socket) {
    Message message;
    const std::optional<Header> header = read_header(socket, message.descriptors);
    if (!header) return std::nullopt;
    if (header->size > longest_payload)
        throw BadGuest(fmt::format("a vhost-user message of {} bytes", header->size));
    message.request = static_cast<Request>(header->request);
    message.payload.resize(header->size);
    if (!read_exactly(socket, message.payload.data(), header->size)) return std::nullopt;
    return message;
}

void send_reply(int socket, Request request, std::string_view payload) {
    const Header header{.request = static_cast<std::uint32_t>(request),
                        .flags = version_1 | reply_flag,
                        .size = static_cast<std::uint32_t>(payload.size())};
    std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
    bytes += payload;
    if (send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(bytes.size()))
        throw BadGuest("the frontend does not take a reply");
}

} // namespace rouse::uml
