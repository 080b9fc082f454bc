#include "agent/sys/netlink.hpp"

#include <algorithm>

#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace rouse::sys {

namespace {

/// The kernel fills at most 32 KiB at once, whatever there is room for (netlink_recvmsg()).
constexpr std::size_t buffer_size = 32 * 1024;
constexpr int most_dumps = 5;

std::size_t aligned(std::size_t size) {
    return (size + NLMSG_ALIGNTO - 1) & ~static_cast<std::size_t>(NLMSG_ALIGNTO - 1);
}

/// The error of NLMSG_ERROR, or of the NLMSG_DONE that ends a dump; 0 for an acknowledgement.
int error_in(const NetlinkReply& reply) {
    return -reply.head<int>();
}

} // namespace

NetlinkMessage::NetlinkMessage(std::uint16_t type, std::uint16_t flags, Bytes body) {
    const nlmsghdr header{
        .nlmsg_len = 0, .nlmsg_type = type, .nlmsg_flags = flags, .nlmsg_seq = 0, .nlmsg_pid = 0};
    append(bytes_of(header));
    append(body);
}

void NetlinkMessage::append(Bytes bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    bytes_.resize(aligned(bytes_.size()));
}

void NetlinkMessage::add(std::uint16_t attribute, Bytes value) {
    const nlattr header{.nla_len = static_cast<std::uint16_t>(sizeof(nlattr) + value.size()),
                        .nla_type = attribute};
    append(bytes_of(header));
    append(value);
}

std::optional<Bytes> NetlinkReply::attribute(std::size_t head_size, std::uint16_t wanted) const {
    std::size_t at = aligned(head_size);
    while (at + sizeof(nlattr) <= body.size()) {
        nlattr header{};
        std::memcpy(&header, body.data() + at, sizeof header);
        if (header.nla_len < sizeof header || at + header.nla_len > body.size()) break;
        if ((header.nla_type & NLA_TYPE_MASK) == wanted)
            return body.subspan(at + sizeof header, header.nla_len - sizeof header);
        at += aligned(header.nla_len);
    }
    return std::nullopt;
}

std::optional<std::uint32_t> number_in(const std::optional<Bytes>& attribute) {
    std::uint32_t number = 0;
    if (!attribute || attribute->size() != sizeof number) return std::nullopt;
    std::memcpy(&number, attribute->data(), sizeof number);
    return number;
}

Result<Netlink> Netlink::open(int protocol) {
    UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
    if (!socket.valid()) return last_error();
    const timeval limit{.tv_sec = 1, .tv_usec = 0};
    if (::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0)
        return last_error();
    return Netlink(std::move(socket));
}

Result<> Netlink::send(NetlinkMessage& message, std::uint16_t flags) {
    nlmsghdr header{};
    std::memcpy(&header, message.bytes_.data(), sizeof header);
    header.nlmsg_len = static_cast<std::uint32_t>(message.bytes_.size());
    header.nlmsg_flags = static_cast<std::uint16_t>(header.nlmsg_flags | NLM_F_REQUEST | flags);
    header.nlmsg_seq = ++sequence_;
    std::memcpy(message.bytes_.data(), &header, sizeof header);
    if (::send(socket_.get(), message.bytes_.data(), message.bytes_.size(), 0) < 0)
        return last_error();
    return {};
}

/// One message of a datagram: told, or the end of the answer, or its error.
Result<Netlink::Heard> Netlink::take(const Header& header, Bytes body,
                                     const std::function<void(const NetlinkReply&)>& each) {
    if (header.sequence != sequence_) return Heard::more; // of a question that was given up
    changed_ = changed_ || (header.flags & NLM_F_DUMP_INTR) != 0;
    const NetlinkReply reply{header.type, body};
    if (header.type == NLMSG_ERROR || header.type == NLMSG_DONE) {
        if (const int error = error_in(reply); error > 0) return error_from(error);
        return Heard::end;
    }
    if (each) each(reply);
    return Heard::more;
}

/// Takes one datagram, which may hold many messages.
Result<Netlink::Heard> Netlink::hear(const std::function<void(const NetlinkReply&)>& each) {
    buffer_.resize(buffer_size);
    const ssize_t count = ::recv(socket_.get(), buffer_.data(), buffer_.size(), 0);
    if (count < 0 && errno == EINTR) return Heard::more;
    if (count < 0) return error_from(errno == EAGAIN ? ETIMEDOUT : errno);
    Bytes left(buffer_.data(), static_cast<std::size_t>(count));
    while (left.size() >= sizeof(nlmsghdr)) {
        nlmsghdr header{};
        std::memcpy(&header, left.data(), sizeof header);
        if (header.nlmsg_len < sizeof header || header.nlmsg_len > left.size())
            return error_from(EBADMSG);
        Result<Heard> heard =
            take({header.nlmsg_type, header.nlmsg_flags, header.nlmsg_seq},
                 left.subspan(sizeof header, header.nlmsg_len - sizeof header), each);
        if (!heard || *heard == Heard::end) return heard;
        left = left.subspan(std::min(aligned(header.nlmsg_len), left.size()));
    }
    return Heard::more;
}

Result<> Netlink::request(NetlinkMessage message) {
    if (const Result<> sent = send(message, NLM_F_ACK); !sent) return sent.error();
    while (true) {
        const Result<Heard> heard = hear({});
        if (!heard) return heard.error();
        if (*heard == Heard::end) return {};
    }
}

Result<> Netlink::dump(NetlinkMessage message, const std::function<void()>& begin_again,
                       const std::function<void(const NetlinkReply&)>& each) {
    for (int tries = 0; tries < most_dumps; ++tries) {
        begin_again();
        changed_ = false;
        if (const Result<> sent = send(message, NLM_F_DUMP); !sent) return sent.error();
        Result<Heard> heard = Heard::more;
        while (heard && *heard == Heard::more)
            heard = hear(each);
        if (!heard) return heard.error();
        if (!changed_) return {};
    }
    return error_from(EINTR);
}

} // namespace rouse::sys
