// What somebody inside the guest gets who connects to the agent's port over vsock loopback.
#include "tests/payload/verbs.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace rouse::payload {
namespace {

constexpr std::string_view request = "GET /v1/status HTTP/1.1\r\nHost: guest\r\n\r\n";

/// What came back: nothing but the end of the connection is a refusal.
int judge(int socket_fd, unsigned cid) {
    timeval patience{.tv_sec = 5, .tv_usec = 0};
    (void)setsockopt(socket_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience); // a default
    (void)send(socket_fd, request.data(), request.size(), MSG_NOSIGNAL); // refused: recv says so
    std::array<char, 256> answer{};
    const ssize_t count = recv(socket_fd, answer.data(), answer.size() - 1, 0);
    if (count > 0) {
        std::printf("cid %u: answered: %.*s\n", cid,
                    static_cast<int>(std::strcspn(answer.data(), "\r\n")), answer.data());
        return wrong;
    }
    if (count < 0 && errno == EAGAIN) {
        std::printf("cid %u: neither answered nor closed\n", cid);
        return wrong;
    }
    std::printf("cid %u: refused (%s)\n", cid, count == 0 ? "closed" : std::strerror(errno));
    return 0;
}

int try_cid(unsigned cid, unsigned port) {
    const int socket_fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket_fd < 0) return failed("socket");
    sockaddr_vm address{};
    address.svm_family = AF_VSOCK;
    address.svm_cid = cid;
    address.svm_port = port;
    int result = 0;
    if (connect(socket_fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
        result = judge(socket_fd, cid);
    else
        // Nobody listens, or there is no loopback: then nothing was refused.
        result = failed("connect");
    close(socket_fd);
    return result;
}

} // namespace

int loopback(Words words) {
    if (words.empty() || words.size() > 2) return unable;
    const auto port = static_cast<unsigned>(number(words[0]));
    unsigned own_cid = 0;
    const int device = open("/dev/vsock", O_RDONLY | O_CLOEXEC);
    if (device < 0 || ioctl(device, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &own_cid) != 0)
        return failed("/dev/vsock");
    close(device);
    if (words.size() == 2) {
        const auto user = static_cast<uid_t>(number(words[1]));
        if (setgid(user) != 0 || setuid(user) != 0) return failed("setuid");
    }
    const int by_local = try_cid(VMADDR_CID_LOCAL, port);
    const int by_own = try_cid(own_cid, port);
    return by_local != 0 ? by_local : by_own;
}

} // namespace rouse::payload
