#include "tools/lab/cli/control.hpp"

#include "tools/lab/error.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace rouse::lab::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t longest_line = 1U << 20U; // bytes

sockaddr_un control_address(const std::filesystem::path& folder) {
    const std::string path = (folder / "control").string();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        throw LabError(fmt::format("'{}' is too long for a Unix socket", path));
    std::memcpy(address.sun_path, path.c_str(), path.size());
    return address;
}

Descriptor unix_socket() {
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket.is_open())
        throw LabError(fmt::format("cannot make a socket: {}", errno_text(errno)));
    return socket;
}

} // namespace

Descriptor listen_control(const std::filesystem::path& folder) {
    Descriptor listener = unix_socket();
    const sockaddr_un address = control_address(folder);
    if (bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(listener.get(), 8) != 0)
        throw LabError(
            fmt::format("cannot listen on '{}': {}", address.sun_path, errno_text(errno)));
    return listener;
}

json::object ask_keeper(const std::filesystem::path& folder, const json::object& request,
                        Deadline deadline) {
    const Descriptor socket = unix_socket();
    const sockaddr_un address = control_address(folder);
    if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw LabError(fmt::format("cannot reach the keeper of the machine at '{}': {}",
                                   address.sun_path, errno_text(errno)));
    if (!write_json_line(socket.get(), request)) throw LabError("the keeper hung up");
    json::object answer = read_json_line(socket.get(), deadline);
    if (const json::value* error = answer.if_contains("error"))
        throw LabError(json::value_to<std::string>(*error));
    return answer;
}

json::object read_json_line(int socket, Deadline deadline) {
    std::string line;
    while (line.find('\n') == std::string::npos && line.size() < longest_line) {
        pollfd ready{.fd = socket, .events = POLLIN, .revents = 0};
        if (poll(&ready, 1, deadline.poll_timeout()) == 0) throw LabError("no answer in time");
        std::array<char, 4096> buffer{};
        const ssize_t count = read(socket, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) throw LabError("the other side hung up");
        line.append(buffer.data(), static_cast<std::size_t>(count));
    }
    boost::system::error_code error;
    json::value document = json::parse(line, error);
    if (error || !document.is_object()) throw LabError("an answer is not a JSON object");
    return std::move(document.as_object());
}

bool write_json_line(int socket, const json::object& document) {
    const std::string line = json::serialize(document) + "\n";
    std::size_t written = 0;
    while (written < line.size()) {
        // SIGPIPE is ignored by the callers: the socket may also be a pipe.
        const ssize_t count = write(socket, line.data() + written, line.size() - written);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return false;
        written += static_cast<std::size_t>(count);
    }
    return true;
}

} // namespace rouse::lab::cli
