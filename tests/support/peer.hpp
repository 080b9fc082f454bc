// The far end of a connection under test: reads everything, writes what it is told.
#pragma once

#include "agent/io/async.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <deque>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <sys/socket.h>

namespace rouse::test {

using io::Socket;

/// Two connected Unix sockets.
inline std::pair<Socket, Socket> socket_pair(boost::asio::io_context& io) {
    std::array<int, 2> fds{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) != 0)
        throw std::runtime_error("socketpair");
    const boost::asio::generic::stream_protocol unix_stream(AF_UNIX, 0);
    return {Socket(io, unix_stream, fds[0]), Socket(io, unix_stream, fds[1])};
}

/// One thread. Must outlive the run of its loop.
class Peer {
public:
    explicit Peer(Socket socket) : socket_(std::move(socket)) {}

    /// Reads until the end of the connection.
    void start_reading() {
        socket_.async_read_some(boost::asio::buffer(chunk_),
                                [this](const io::error_code& error, std::size_t count) {
                                    received_.append(chunk_.data(), count);
                                    ended_ = static_cast<bool>(error);
                                    if (!error) start_reading();
                                });
    }
    /// Queues bytes; what the other end does not take is not waited for.
    void send(std::string bytes) {
        queue_.push_back(std::move(bytes));
        if (queue_.size() == 1) write_front();
    }
    void close() { socket_.close(); }

    [[nodiscard]] std::string& received() { return received_; }
    [[nodiscard]] bool ended() const { return ended_; }
    [[nodiscard]] bool has(std::string_view text) const {
        return received_.find(text) != std::string::npos;
    }

private:
    void write_front() {
        boost::asio::async_write(socket_, boost::asio::buffer(queue_.front()),
                                 [this](const io::error_code& error, std::size_t) {
                                     queue_.pop_front();
                                     if (!error && !queue_.empty()) write_front();
                                 });
    }

    Socket socket_;
    std::string received_;
    std::deque<std::string> queue_;
    std::array<char, 16384> chunk_{};
    bool ended_ = false;
};

} // namespace rouse::test
