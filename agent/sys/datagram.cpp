#include "agent/sys/datagram.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace rouse::sys {

namespace {

struct UnixName {
    sockaddr_un address{};
    socklen_t size = 0;

    [[nodiscard]] const sockaddr* get() const {
        // The way that the socket calls want it.
        return reinterpret_cast<const sockaddr*>(&address);
    }
};

/// Nothing when it is empty or too long.
std::optional<UnixName> unix_name(const std::string& name) {
    UnixName made;
    if (name.empty() || name.size() >= sizeof made.address.sun_path) return std::nullopt;
    made.address.sun_family = AF_UNIX;
    std::copy(name.begin(), name.end(), made.address.sun_path);
    const bool is_abstract = name.front() == '@';
    if (is_abstract) made.address.sun_path[0] = '\0';
    // An abstract name has no end but its length.
    made.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() +
                                       (is_abstract ? 0 : 1));
    return made;
}

Result<UniqueFd> make_datagram_socket() {
    UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.valid()) return last_error();
    return fd;
}

void take_descriptors(const cmsghdr* part, std::vector<UniqueFd>& taken) {
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    taken.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        int number = -1;
        std::memcpy(&number, CMSG_DATA(part) + i * sizeof number, sizeof number);
        taken.emplace_back(number);
    }
}

void take_control(msghdr& message, Datagram& datagram) {
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
         part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET) continue;
        if (part->cmsg_type == SCM_RIGHTS) take_descriptors(part, datagram.descriptors);
        if (part->cmsg_type != SCM_CREDENTIALS) continue;
        ucred credentials{};
        std::memcpy(&credentials, CMSG_DATA(part), sizeof credentials);
        datagram.uid = credentials.uid;
    }
}

/// Who may write to it may send; root may write to anything.
Result<> let_send(const std::string& path, uid_t sender) {
    const bool is_given = ::chown(path.c_str(), sender, static_cast<gid_t>(-1)) == 0;
    if (::chmod(path.c_str(), is_given ? 0600 : 0666) != 0) return last_error();
    return {};
}

} // namespace

Result<UniqueFd> bind_datagrams(const std::string& name, uid_t sender) {
    const std::optional<UnixName> native = unix_name(name);
    if (!native) return error_from(EINVAL);
    Result<UniqueFd> fd = make_datagram_socket();
    if (!fd) return fd;
    const int on = 1;
    if (::setsockopt(fd->get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0) return last_error();
    const bool is_path = name.front() == '/';
    // An old one that nobody has open any more would be in the way; a missing one is what we want.
    if (is_path) (void)::unlink(name.c_str());
    if (::bind(fd->get(), native->get(), native->size) != 0) return last_error();
    if (!is_path) return fd;
    if (const Result<> opened = let_send(name, sender); !opened) return opened.error();
    return fd;
}

Result<std::optional<Datagram>> receive_datagram(int fd, std::size_t limit_bytes) {
    Datagram datagram;
    datagram.text.resize(limit_bytes);
    iovec text{.iov_base = datagram.text.data(), .iov_len = datagram.text.size()};
    constexpr std::size_t most_descriptors = 253; // SCM_MAX_FD
    constexpr std::size_t room =
        CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(most_descriptors * sizeof(int));
    alignas(cmsghdr) std::array<std::byte, room> control{};
    msghdr message{};
    message.msg_iov = &text;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t count = ::recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return std::optional<Datagram>();
    if (count < 0) return last_error();
    take_control(message, datagram);
    datagram.text.resize(static_cast<std::size_t>(count));
    return std::optional<Datagram>(std::move(datagram));
}

Result<> send_datagram(const std::string& name, std::string_view text) {
    const std::optional<UnixName> native = unix_name(name);
    if (!native) return error_from(EINVAL);
    Result<UniqueFd> fd = make_datagram_socket();
    if (!fd) return fd.error();
    const ssize_t sent = ::sendto(fd->get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                                  native->get(), native->size);
    if (sent < 0) return last_error();
    return {};
}

} // namespace rouse::sys
