#include "tools/host/forward_client.hpp"

#include "proto/link.hpp"
#include "tools/host/exec_input.hpp"
#include "tools/host/exec_output.hpp"
#include "tools/host/http_client.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace rouse::host {
namespace {

using proto::FrameType;
using namespace std::chrono_literals;

/// One connection on both sides. Everything runs inside run().
class ForwardedConnection {
public:
    ForwardedConnection(Socket near, Upgraded upgraded)
        : near_(std::move(near)), stream_(std::move(upgraded.socket), upgraded.received),
          in_(near_.get_executor()),
          out_(near_.get_executor(), proto::stream_id::out,
               [this](std::uint8_t, std::string_view bytes) { return write(bytes); }) {
        in_.begin(ExecInput::Kind::from_source, [this](std::size_t limit) { return read(limit); });
    }

    Awaitable<Outcome<>> run() {
        using namespace asio::experimental::awaitable_operators;
        // The work never ends by itself; a cancellation ends both.
        Awaitable<std::variant<std::monostate, std::monostate>> all = receive() || work();
        (void)co_await std::move(all); // the result is in result_
        co_await stream_.flush(Clock::now() + 1s);
        co_return result_;
    }

private:
    Awaitable<std::string> read(std::size_t limit) {
        std::string bytes(limit, '\0');
        auto done = co_await near_.async_read_some(asio::buffer(bytes), no_throw);
        bytes.resize(std::get<0>(done) ? 0 : std::get<1>(done));
        co_return bytes;
    }

    Awaitable<bool> write(std::string_view bytes) {
        auto done = co_await asio::async_write(near_, asio::buffer(bytes), no_throw);
        co_return !std::get<0>(done);
    }

    /// Both directions, then waits to be cancelled.
    Awaitable<> work() {
        using namespace asio::experimental::awaitable_operators;
        Awaitable<> both = in_.pump() && hand_out();
        co_await std::move(both);
        Timer never(near_.get_executor(), Clock::time_point::max());
        for (;;)
            (void)co_await never.async_wait(no_throw); // cancelled at the end, which throws
    }

    Awaitable<> hand_out() {
        co_await out_.drain();
        error_code ignored; // a connection that is gone needs no end
        (void)near_.shutdown(Socket::shutdown_send, ignored);
    }

    /// Until both directions have ended, or one broke.
    Awaitable<> receive() {
        while (!out_.ended() || !in_.finished()) {
            auto frame = co_await stream_.read();
            if (out_.refused()) co_return; // whoever reads here is gone, and wants no more
            if (frame && *frame)
                result_ = take(**frame);
            else
                result_ =
                    Failure(frame ? "the guest closed the connection" : frame.error().message);
            if (!result_) co_return;
        }
        co_await out_.settled();
    }

    Outcome<> take(const proto::Frame& frame) {
        switch (frame.header.type) {
        case FrameType::started:
            (void)out_.connect(stream_, 0); // nothing can be lost before the first byte
            return in_.connect(stream_, 0);
        case FrameType::data:
            return out_.data(frame);
        case FrameType::eos:
            return out_.end(frame.header.offset);
        case FrameType::ack: {
            const auto ack = proto::parse_ack(frame.payload);
            if (!ack) return Failure(ack.error().message());
            in_.acknowledged(frame.header.offset, *ack);
            return {};
        }
        case FrameType::error: {
            const auto error = proto::parse_error_document(frame.payload);
            return Failure(error ? error->message : "the guest gave up without a reason");
        }
        default:
            return {}; // types of a later version
        }
    }

    Socket near_;
    FrameStream stream_;
    ExecInput in_;
    ExecOutput out_;
    Outcome<> result_;
};

} // namespace

Awaitable<Outcome<>> forward_connection(Dialer& dialer, Socket near, proto::ForwardRequest request,
                                        Clock::time_point deadline) {
    HttpQuestion question{.method = "POST",
                          .path = "/v1/forward",
                          .body = boost::json::serialize(to_json(request)),
                          .upgrade = std::string(proto::exec_upgrade_token)};
    HttpTry tried = co_await http_try(dialer, question, deadline, deadline);
    if (tried.answer)
        tried.trouble = fmt::format("'{}': {} {}: {}", dialer.target().text(), question.method,
                                    question.path, describe_answer(*tried.answer));
    if (!tried.upgraded) co_return Failure(std::move(tried.trouble));
    ForwardedConnection connection(std::move(near), std::move(*tried.upgraded));
    const Outcome<> done = co_await connection.run();
    if (!done)
        co_return Failure(
            fmt::format("'{}': forward: {}", dialer.target().text(), done.error().message));
    co_return Outcome<>();
}

} // namespace rouse::host
