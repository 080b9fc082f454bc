#include "tools/lab/relay.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace rouse::lab {
namespace {

void write_all(int sink, const std::string& text) {
    std::size_t written = 0;
    while (written < text.size()) {
        const ssize_t count = write(sink, text.data() + written, text.size() - written);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return;
        written += static_cast<std::size_t>(count);
    }
}

} // namespace

std::optional<Descriptor> connect_unix(const std::filesystem::path& socket) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = socket.string();
    if (path.size() >= sizeof address.sun_path) return std::nullopt;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    Descriptor connection(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!connection.is_open() ||
        connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return std::nullopt;
    return connection;
}

bool read_available(int source, std::string& text) {
    if (source < 0) return false;
    std::array<char, 65536> buffer{};
    for (;;) {
        const ssize_t count = read(source, buffer.data(), buffer.size());
        if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
        if (count == 0) return false;
        if (count < 0 && errno != EINTR) return errno == EAGAIN;
    }
}

bool copy_available(int source, int sink) {
    std::string text;
    const bool open = read_available(source, text);
    write_all(sink, text);
    return open;
}

} // namespace rouse::lab
