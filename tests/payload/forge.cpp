// A process of the guest that dials the host as if it were the agent.
#include "tests/payload/verbs.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <string>

#include <linux/vm_sockets.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace rouse::payload {
namespace {

constexpr std::size_t header_size = 16;
constexpr unsigned char error_type = 12;

/// A HELLO frame by hand: what is tested must not make what it is tested with.
std::string hello_frame(std::string_view document) {
    std::string frame("\x01\xff", 2);
    frame.append(2, '\0');
    for (unsigned byte = 0; byte < 4; ++byte)
        frame += static_cast<char>((document.size() >> (8 * byte)) & 0xffU);
    frame.append(8, '\0');
    return frame.append(document);
}

/// Prints what the host says until it closes; whether its first frame was ERROR.
int judge(int socket_fd) {
    std::string answer;
    std::array<char, 4096> buffer{};
    ssize_t count = 0;
    while ((count = recv(socket_fd, buffer.data(), buffer.size(), 0)) > 0)
        answer.append(buffer.data(), static_cast<std::size_t>(count));
    if (count < 0 && errno == EAGAIN) return failed("no answer");
    if (answer.size() < header_size) return failed("closed without an answer");
    std::printf("%s\n", answer.substr(header_size).c_str());
    return static_cast<unsigned char>(answer[0]) == error_type ? 0 : wrong;
}

} // namespace

int say_hello(Words words) {
    if (words.size() != 2) return unable;
    const int socket_fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket_fd < 0) return failed("socket");
    sockaddr_vm address{};
    address.svm_family = AF_VSOCK;
    address.svm_cid = VMADDR_CID_HOST;
    address.svm_port = static_cast<unsigned>(number(words[0]));
    if (connect(socket_fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return failed("connect");
    timeval patience{.tv_sec = 20, .tv_usec = 0};
    (void)setsockopt(socket_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience); // a default
    const std::string frame = hello_frame(words[1]);
    if (send(socket_fd, frame.data(), frame.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(frame.size()))
        return failed("send");
    const int result = judge(socket_fd);
    close(socket_fd);
    return result;
}

} // namespace rouse::payload
