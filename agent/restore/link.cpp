#include "agent/restore/link.hpp"

#include "agent/io/race.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

namespace rouse::restore {

/// An established link. Registers itself with its owner while it lives.
struct Link::Connection {
    Connection(Link& link, io::Socket connected, std::uint64_t dial)
        : owner(link), number(dial), socket(std::move(connected)), stream(socket),
          registration(link.registry_.add(socket, "link")) {
        owner.connection_ = this;
    }
    ~Connection() {
        if (owner.connection_ == this) owner.connection_ = nullptr;
    }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    [[nodiscard]] bool is_current() const { return owner.connection_ == this; }

    Link& owner;
    std::uint64_t number;
    io::Socket socket;
    io::FrameStream stream;
    io::ConnectionRegistry::Registration registration;
    bool answered = false; ///< the host has answered the hello
    bool events = false;   ///< events go over it
};

Link::Link(io::Executor executor, io::TaskGroup& tasks, io::ConnectionRegistry& registry,
           LinkHooks hooks)
    : executor_(std::move(executor)), tasks_(tasks), registry_(registry), hooks_(std::move(hooks)),
      acknowledged_(executor_, io::Timer::time_point::max()) {}

void Link::dial(std::uint64_t number, io::Address address) {
    close();
    number_ = number;
    tasks_.spawn("link", run(number, std::move(address)));
}

void Link::close() {
    number_ = 0;
    Connection* const connection = std::exchange(connection_, nullptr);
    if (connection == nullptr) return;
    io::error_code ignored; // The descriptor is gone either way; its coroutine ends by it.
    connection->socket.close(ignored);
}

io::Awaitable<> Link::run(std::uint64_t number, io::Address address) {
    io::Awaitable<sys::Result<io::Socket>> dialling =
        io::connect(executor_, std::move(address), proto::limits::connect_at_restore);
    sys::Result<io::Socket> socket = co_await std::move(dialling);
    // Whoever cancels us does not want to be told that the link is gone, and to begin a chain.
    const auto at_dial = co_await boost::asio::this_coro::cancellation_state;
    const bool stopped = at_dial.cancelled() != boost::asio::cancellation_type::none;
    if (stopped || number != number_) co_return;
    if (!socket) co_return hooks_.failed(number, socket.error().message());
    Connection connection(*this, std::move(*socket), number);
    hooks_.up(number);
    tasks_.spawn("link doubt", doubt(number));
    io::Awaitable<std::string> reading = read_until_end(connection);
    std::string why = co_await std::move(reading);
    const auto at_end = co_await boost::asio::this_coro::cancellation_state;
    const bool unwanted = at_end.cancelled() != boost::asio::cancellation_type::none;
    if (unwanted || !connection.is_current()) co_return;
    // Closed before anybody hears of it: a dead descriptor keeps the kernel from letting the host
    // in again on the same pair of ports.
    close();
    hooks_.lost(number, std::move(why));
}

/// A host that was restored may have forgotten the link without a word, and a guest that only waits
/// for its answer would never know: what it sends is answered by RST.
io::Awaitable<> Link::doubt(std::uint64_t number) {
    for (;;) {
        io::Awaitable<> waiting = io::expire(proto::limits::answer_doubt);
        co_await std::move(waiting);
        const bool current = connection_ != nullptr && connection_->number == number;
        if (!current || connection_->answered) co_return;
        verify();
    }
}

io::Awaitable<std::string> Link::read_until_end(Connection& connection) {
    while (connection.is_current()) {
        io::Awaitable<io::FrameRead> reading = connection.stream.read();
        io::FrameRead read = co_await std::move(reading);
        if (const auto* end = std::get_if<io::StreamEnd>(&read))
            co_return end->error == boost::asio::error::eof ? "closed by the host"
                                                            : end->error.message();
        if (const auto* problem = std::get_if<proto::Problem>(&read)) co_return problem->message();
        std::optional<std::string> end = take(connection, std::move(std::get<proto::Frame>(read)));
        if (end) co_return std::move(*end);
    }
    co_return "closed";
}

std::optional<std::string> Link::take(Connection& connection, proto::Frame frame) {
    switch (frame.header.type) {
    case proto::FrameType::ping:
        connection.stream.answer_ping(frame);
        break;
    case proto::FrameType::pong:
        hooks_.verified(connection.number);
        break;
    case proto::FrameType::ack:
        events_.acknowledge(frame.header.offset);
        if (events_.size() == 0) acknowledged_.cancel();
        break;
    case proto::FrameType::hello_ack: {
        const auto received = std::chrono::steady_clock::now(); // what follows takes its time
        proto::Parsed<proto::LinkHelloAck> ack = proto::parse_link_hello_ack(frame.payload);
        if (!ack) return "HELLO_ACK " + ack.error().message();
        if (ack->version != proto::protocol_version)
            return fmt::format("HELLO_ACK chose version {}", ack->version);
        ack->document.received.at = received;
        connection.answered = true;
        hooks_.acknowledged(connection.number, std::move(*ack));
        break;
    }
    case proto::FrameType::error: {
        const proto::Parsed<proto::ErrorDocument> error =
            proto::parse_error_document(frame.payload);
        return error ? fmt::format("the host says {}: {}", error->kind, error->message)
                     : "the host says ERROR";
    }
    default:
        break; // A newer host may know more types than we do.
    }
    return std::nullopt;
}

void Link::send(proto::FrameType type, const boost::json::value& payload) {
    if (connection_ == nullptr) return;
    proto::FrameHeader header;
    header.type = type;
    connection_->stream.post(proto::encode(header, boost::json::serialize(payload)));
}

void Link::verify() {
    if (connection_ == nullptr) return;
    proto::FrameHeader header;
    header.type = proto::FrameType::ping;
    connection_->stream.post(proto::encode(header, "rouse"));
}

void Link::publish(std::string type, boost::json::object body) {
    std::string frame = events_.add(std::move(type), std::move(body));
    if (connection_ != nullptr && connection_->events) connection_->stream.post(std::move(frame));
}

void Link::send_events() {
    if (connection_ == nullptr || connection_->events) return;
    connection_->events = true;
    if (events_.size() > 0) connection_->stream.post(events_.frames());
}

io::Awaitable<bool> Link::events_acknowledged(std::chrono::milliseconds deadline) {
    io::Awaitable<bool> waiting = io::with_deadline(all_acknowledged(), deadline);
    const bool in_time = co_await std::move(waiting);
    co_return in_time;
}

io::Awaitable<> Link::all_acknowledged() {
    // Cancelled: the next wait throws, and with_deadline() knows why.
    while (events_.size() > 0)
        (void)co_await acknowledged_.async_wait(io::no_throw);
}

} // namespace rouse::restore
