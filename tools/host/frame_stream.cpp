#include "tools/host/frame_stream.hpp"

#include "proto/link.hpp"
#include "tools/host/close_at.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include <array>

namespace rouse::host {

struct FrameStream::Sender {
    explicit Sender(Socket connection)
        : socket(std::move(connection)), idle(socket.get_executor()) {
        idle.expires_at(Clock::time_point::max());
    }

    /// Writes what is queued, as one piece, until the queue is empty.
    static void run(const std::shared_ptr<Sender>& self) {
        self->writing = std::exchange(self->queue, {});
        asio::async_write(self->socket, asio::buffer(self->writing),
                          [self](error_code error, std::size_t) {
                              self->writing.clear();
                              self->broken = self->broken || error;
                              if (!self->broken && !self->queue.empty()) return run(self);
                              self->queue.clear();
                              self->idle.cancel();
                          });
    }

    Socket socket;
    Timer idle; ///< cancelled when nothing is left to send
    std::string queue;
    std::string writing;
    bool broken = false;
};

FrameStream::FrameStream(Socket socket, std::string received, std::size_t max_data)
    : executor_(socket.get_executor()), sender_(std::make_shared<Sender>(std::move(socket))),
      decoder_(max_data) {
    decoder_.append(received);
}

Awaitable<Outcome<bool>> FrameStream::receive() {
    std::array<char, 32 * 1024> buffer;
    auto done = co_await sender_->socket.async_read_some(asio::buffer(buffer), no_throw);
    const error_code error = std::get<0>(done);
    if (error == asio::error::eof && decoder_.pending() == 0) co_return true;
    if (error == asio::error::eof) co_return Failure("the connection ended inside a frame");
    if (error) co_return Failure(error.message());
    decoder_.append(std::string_view(buffer.data(), std::get<1>(done)));
    co_return false;
}

Awaitable<Outcome<std::optional<proto::Frame>>> FrameStream::read(Clock::time_point deadline) {
    std::optional<CloseAt> guard;
    if (deadline != Clock::time_point::max()) guard.emplace(sender_->socket, deadline);
    for (;;) {
        if (closed_) co_return Failure("the connection was closed");
        auto next = decoder_.next();
        if (!next) {
            refused_ = true;
            const proto::ErrorDocument error{.kind = "protocol", .message = next.error().message()};
            send({.type = proto::FrameType::error}, boost::json::serialize(to_json(error)));
            co_return Failure(next.error().message());
        }
        if (*next) co_return std::move(*next);
        const auto ended = co_await receive();
        if (guard && guard->expired()) co_return Failure("no frame came in time");
        if (!ended) co_return ended.error();
        if (*ended) co_return std::nullopt;
    }
}

void FrameStream::send(const proto::FrameHeader& header, std::string_view payload) {
    constexpr std::size_t most_queued = 1024 * 1024;
    if (sender_->broken) return;
    if (queued() > most_queued) return close();
    const bool idle = sender_->queue.empty() && sender_->writing.empty();
    sender_->queue += proto::encode(header, payload);
    if (idle) Sender::run(sender_);
}

Awaitable<> FrameStream::flush(Clock::time_point deadline) {
    const std::shared_ptr<Sender> sender = sender_;
    while (!sender->broken && queued() > 0 && Clock::now() < deadline) {
        sender->idle.expires_at(deadline);
        (void)co_await sender->idle.async_wait(no_throw); // cancelled: sent; expired: given up
    }
}

std::size_t FrameStream::queued() const {
    return sender_->queue.size() + sender_->writing.size();
}

void FrameStream::close() {
    error_code ignored; // the descriptor is gone either way
    closed_ = true;
    sender_->broken = true;
    (void)sender_->socket.close(ignored);
}

} // namespace rouse::host
