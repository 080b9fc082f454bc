#include "agent/io/frame_stream.hpp"

#include "agent/io/packet_cap.hpp"
#include "agent/sys/defence.hpp"
#include "agent/sys/result.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include <array>
#include <deque>
#include <list>
#include <optional>
#include <utility>

#include <poll.h>

namespace rouse::io {

namespace {

/// What the defence "independent-writers" keeps from happening: everybody waits for this socket.
/// Only test builds come here.
void make_all_wait(int socket) {
    pollfd writer{.fd = socket, .events = POLLOUT, .revents = 0};
    (void)::poll(&writer, 1, -1); // the write tells what happened
}

} // namespace

/// The queue behind a stream. It keeps itself alive while a write is on its way, since the kernel's
/// answer may come after the stream is gone; detach() says so.
class FrameStream::Writer : public std::enable_shared_from_this<FrameStream::Writer> {
public:
    /// Somebody who waits for a frame; lives in the frame of the waiting coroutine.
    struct Waiter {
        explicit Waiter(const Executor& executor) : timer(executor, Timer::time_point::max()) {}
        Timer timer; ///< cancelled when the outcome is known
        std::optional<error_code> outcome;
    };

    explicit Writer(Socket& socket) : socket_(&socket) {}

    void detach() { socket_ = nullptr; }
    [[nodiscard]] std::size_t queued() const { return queued_; }

    void post(std::string bytes, Priority priority, std::weak_ptr<Waiter> waiter) {
        if (!error_ && queued_ + bytes.size() > queue_limit) fail(sys::error_from(ENOBUFS));
        if (error_) return tell(waiter, error_);
        queued_ += bytes.size();
        auto& queue = priority == Priority::control ? control_ : data_;
        queue.push_back({std::move(bytes), std::move(waiter)});
        if (!writing_) write_next();
    }

private:
    struct Item {
        std::string bytes;
        std::weak_ptr<Waiter> waiter;
    };

    static void tell(const std::weak_ptr<Waiter>& waiter, const error_code& outcome) {
        const std::shared_ptr<Waiter> waiting = waiter.lock();
        if (!waiting) return;
        waiting->outcome = outcome;
        waiting->timer.cancel();
    }

    void write_next() {
        auto& queue = control_.empty() ? data_ : control_;
        if (queue.empty()) return;
        current_ = std::move(queue.front());
        queue.pop_front();
        writing_ = true;
        sent_ = 0;
        write_some();
    }

    /// One packet at a time: a composed write would go on with a socket that is gone.
    void write_some() {
        const asio::const_buffer rest = asio::buffer(current_.bytes) + sent_;
        if (sys::is_off(sys::Defence::independent_writers)) make_all_wait(socket_->native_handle());
        socket_->async_write_some(
            asio::buffer(rest, packet_cap()),
            [self = shared_from_this()](const error_code& error, std::size_t bytes) {
                self->sent_ += bytes;
                self->sent(error);
            });
    }

    void sent(const error_code& error) {
        const bool whole = sent_ == current_.bytes.size();
        if (error || whole) return written(error);
        if (socket_ == nullptr) return written(asio::error::operation_aborted);
        write_some();
    }

    void written(const error_code& error) {
        writing_ = false;
        queued_ -= current_.bytes.size();
        tell(current_.waiter, error);
        current_ = {};
        if (socket_ == nullptr) return;
        if (error && !error_) fail(error);
        if (error_) return drop_all();
        write_next();
    }

    /// A stream that cannot answer any more is over: its reader is to see that, too.
    void fail(const error_code& error) {
        error_ = error;
        error_code ignored; // The peer may have been faster.
        socket_->shutdown(Socket::shutdown_both, ignored);
    }

    void drop_all() {
        for (const auto* queue : {&control_, &data_})
            for (const Item& item : *queue)
                tell(item.waiter, error_);
        control_.clear();
        data_.clear();
        queued_ = 0;
    }

    Socket* socket_;
    std::deque<Item> control_;
    std::deque<Item> data_;
    Item current_;
    bool writing_ = false;
    std::size_t sent_ = 0; ///< of current_
    std::size_t queued_ = 0;
    error_code error_;
};

FrameStream::FrameStream(Socket& socket, std::string received, std::size_t max_data)
    : socket_(socket), decoder_(max_data), writer_(std::make_shared<Writer>(socket)) {
    decoder_.append(received);
}

FrameStream::~FrameStream() {
    writer_->detach();
}

Awaitable<FrameRead> FrameStream::read() {
    while (true) {
        proto::Parsed<std::optional<proto::Frame>> next = decoder_.next();
        if (!next) co_return next.error();
        if (*next) co_return std::move(**next);
        std::array<char, 16 * 1024> bytes;
        auto received = co_await socket_.async_read_some(asio::buffer(bytes), no_throw);
        const auto& [error, count] = received;
        if (error) co_return StreamEnd{error, decoder_.pending()};
        decoder_.append({bytes.data(), count});
    }
}

void FrameStream::post(std::string frames, Priority priority) {
    writer_->post(std::move(frames), priority, {});
}

void FrameStream::answer_ping(const proto::Frame& ping) {
    proto::FrameHeader header = ping.header;
    header.type = proto::FrameType::pong;
    post(proto::encode(header, ping.payload));
}

Awaitable<error_code> FrameStream::write(std::string frames, Priority priority) {
    const auto waiter = std::make_shared<Writer::Waiter>(socket_.get_executor());
    writer_->post(std::move(frames), priority, waiter);
    while (!waiter->outcome)
        co_await waiter->timer.async_wait(no_throw);
    co_return *waiter->outcome;
}

Awaitable<error_code> FrameStream::flush() {
    Awaitable<error_code> last = write({}, Priority::data);
    co_return co_await std::move(last);
}

std::size_t FrameStream::queued() const {
    return writer_->queued();
}

} // namespace rouse::io
