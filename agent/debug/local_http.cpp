#include "agent/debug/local_http.hpp"

#include "agent/sys/result.hpp"
#include "agent/sys/unique_fd.hpp"
#include "proto/chunked.hpp"

#include <fmt/format.h>

#include <array>
#include <cstring>

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

namespace rouse::debug {

namespace {

proto::Problem problem(const std::string& socket_path, std::string_view what) {
    return {socket_path, fmt::format("{}: {}", what, sys::last_error().message())};
}

proto::Parsed<sys::UniqueFd> connect_to(const std::string& socket_path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_path.size() >= sizeof address.sun_path)
        return proto::Problem{socket_path, "the path of a socket has at most 107 bytes"};
    std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
    sys::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval patience{.tv_sec = 5, .tv_usec = 0};
    if (!fd.valid() ||
        ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
        ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0)
        return problem(socket_path, "socket");
    // The sockets interface takes every address family through the generic type.
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return problem(socket_path, "cannot reach the agent");
    return fd;
}

/// An answer whose head was read; `body` has the bytes that came with it.
struct Answer {
    sys::UniqueFd fd;
    bool chunked = false;
    std::string body;
};

enum class Received { bytes, end, failed };

Received receive(int fd, std::string& bytes) {
    std::array<char, 4096> buffer{};
    const ssize_t size = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (size < 0) return Received::failed;
    bytes.append(buffer.data(), static_cast<std::size_t>(size));
    return size == 0 ? Received::end : Received::bytes;
}

proto::Parsed<Answer> ask(const std::string& socket_path, const std::string& path) {
    proto::Parsed<sys::UniqueFd> fd = connect_to(socket_path);
    if (!fd) return fd.error();
    const std::string request =
        fmt::format("GET {} HTTP/1.1\r\nHost: rouse\r\nConnection: close\r\n\r\n", path);
    if (::send(fd->get(), request.data(), request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request.size()))
        return problem(socket_path, "cannot ask the agent");
    std::string head;
    std::size_t end = std::string::npos;
    while (end == std::string::npos) {
        if (receive(fd->get(), head) != Received::bytes)
            return problem(socket_path, "no answer from the agent");
        end = head.find("\r\n\r\n");
    }
    if (!head.starts_with("HTTP/1.1 200"))
        return proto::Problem{
            socket_path, fmt::format("the agent answered '{}'", head.substr(0, head.find('\r')))};
    const bool chunked =
        head.substr(0, end).find("Transfer-Encoding: chunked") != std::string::npos;
    return Answer{std::move(*fd), chunked, head.substr(end + 4)};
}

} // namespace

proto::Parsed<void> local_stream(const std::string& socket_path, const std::string& path,
                                 const OnPiece& on_piece) {
    proto::Parsed<Answer> answer = ask(socket_path, path);
    if (!answer) return answer.error();
    // The agent is alive and answers: what comes next comes when it happens.
    const timeval for_ever{};
    if (::setsockopt(answer->fd.get(), SOL_SOCKET, SO_RCVTIMEO, &for_ever, sizeof for_ever) != 0)
        return problem(socket_path, "socket");
    proto::ChunkDecoder chunks;
    Received received = Received::bytes;
    std::string bytes = std::move(answer->body);
    while (received == Received::bytes && !chunks.ended()) {
        std::string piece;
        if (!answer->chunked)
            piece = bytes;
        else if (const proto::Parsed<void> fed = chunks.feed(bytes, piece); !fed)
            return fed.error();
        if (!piece.empty() && !on_piece(piece)) return {};
        bytes.clear();
        if (!chunks.ended()) received = receive(answer->fd.get(), bytes);
    }
    const bool whole = answer->chunked ? chunks.ended() : received == Received::end;
    return whole ? proto::Parsed<void>() : problem(socket_path, "the answer was cut off");
}

proto::Parsed<std::string> local_get(const std::string& socket_path, const std::string& path) {
    proto::Parsed<Answer> answer = ask(socket_path, path);
    if (!answer) return answer.error();
    Received received = Received::bytes;
    while (received == Received::bytes)
        received = receive(answer->fd.get(), answer->body);
    if (received == Received::failed) return problem(socket_path, "no answer from the agent");
    return std::move(answer->body);
}

} // namespace rouse::debug
