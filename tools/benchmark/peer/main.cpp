// rouse-bench-peer VERB [ARGUMENT…]: see verbs.hpp.
#include "tools/benchmark/peer/verbs.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include <linux/vm_sockets.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace rouse::bench_peer {
namespace {

struct Verb {
    std::string_view name;
    int (*perform)(Words);
};

constexpr std::array verbs = {Verb{"produce", produce}, Verb{"relay", relay}, Verb{"spawn", spawn},
                              Verb{"family", family}, Verb{"boot-time", boot_time}};

template <typename Address>
int connect_socket(const Address& address, int family) {
    const int socket_fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket_fd < 0) return -1;
    if (connect(socket_fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
        return socket_fd;
    const int why = errno;
    close(socket_fd);
    errno = why;
    return -1;
}

int connect_unix(std::string_view path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    return connect_socket(address, AF_UNIX);
}

int connect_vsock(std::string_view port) {
    sockaddr_vm address{};
    address.svm_family = AF_VSOCK;
    address.svm_cid = VMADDR_CID_HOST;
    const auto end = port.data() + port.size();
    if (std::from_chars(port.data(), end, address.svm_port).ptr != end) {
        errno = EINVAL;
        return -1;
    }
    return connect_socket(address, AF_VSOCK);
}

} // namespace

int failed(std::string_view what) {
    (void)std::fprintf(stderr, "rouse-bench-peer: %.*s: %s\n", static_cast<int>(what.size()),
                       what.data(), std::strerror(errno)); // nowhere else to say it
    return 1;
}

int connect_to(std::string_view place) {
    constexpr std::string_view unix_socket = "unix:";
    constexpr std::string_view vsock = "vsock:";
    if (place.starts_with(unix_socket)) return connect_unix(place.substr(unix_socket.size()));
    if (place.starts_with(vsock)) return connect_vsock(place.substr(vsock.size()));
    errno = EINVAL;
    return -1;
}

} // namespace rouse::bench_peer

int main(int argc, char** argv) {
    using namespace rouse::bench_peer;
    const std::vector<std::string_view> words(argv + 1, argv + argc);
    for (const Verb& verb : verbs)
        if (!words.empty() && verb.name == words[0]) return verb.perform(Words(words).subspan(1));
    errno = EINVAL;
    return failed("produce CONTROL | relay splice|keep|copy OUTPUT CONTROL | spawn COUNT | "
                  "family CONTROL | boot-time");
}
