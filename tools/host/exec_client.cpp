#include "tools/host/exec_client.hpp"

#include "proto/exec_stream.hpp"
#include "proto/link.hpp"
#include "proto/output.hpp"
#include "tools/host/http_client.hpp"
#include "tools/host/input.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace rouse::host {
namespace {

namespace json = boost::json;
using proto::FrameType;
using namespace std::chrono_literals;

constexpr std::size_t input_chunk = 16 * 1024;

} // namespace

/// Sends stdin as far as the guest grants credit. Runs beside the reader; both own it.
struct ExecClient::InputSide {
    explicit InputSide(const Executor& executor) : credit(executor) {
        credit.expires_at(Clock::time_point::max());
    }

    void granted(std::uint64_t up_to) {
        limit = std::max(limit, up_to);
        credit.cancel();
    }

    static Awaitable<> pump(std::shared_ptr<InputSide> self, std::shared_ptr<FrameStream> stream,
                            Input* input) {
        while (input != nullptr) {
            while (self->sent >= self->limit)
                (void)co_await self->credit.async_wait(no_throw); // cancelled by granted()
            const auto room = static_cast<std::size_t>(
                std::min<std::uint64_t>(input_chunk, self->limit - self->sent));
            const std::string bytes = co_await input->read(room);
            if (bytes.empty()) break;
            stream->send({.type = FrameType::data,
                          .stream = proto::stream_id::in,
                          .flags = 0,
                          .length = 0,
                          .offset = self->sent},
                         bytes);
            self->sent += bytes.size();
        }
        const std::string end = json::serialize(to_json(proto::EndOfStream{}));
        stream->send({.type = FrameType::eos,
                      .stream = proto::stream_id::in,
                      .flags = 0,
                      .length = 0,
                      .offset = self->sent},
                     end);
    }

    Timer credit; ///< cancelled when the guest grants more
    std::uint64_t sent = 0;
    std::uint64_t limit = proto::limits::exec_window;
    asio::cancellation_signal stop;
};

/// One of the command's output streams: what has come and waits to be taken. Runs beside the reader
/// and beside the other stream; all own it.
struct ExecClient::OutputSide {
    OutputSide(const Executor& executor, std::uint8_t stream_number)
        : number(stream_number), changed(executor) {
        changed.expires_at(Clock::time_point::max());
    }

    static Awaitable<> drain(std::shared_ptr<OutputSide> self, std::shared_ptr<FrameStream> stream,
                             Sink sink) {
        while (!self->done) {
            while (self->queue.empty() && !self->ended)
                (void)co_await self->changed.async_wait(no_throw); // cancelled when more has come
            const bool at_once = std::exchange(self->ack_now, false) || self->ended;
            const std::string bytes = std::exchange(self->queue, {});
            const bool taken = bytes.empty() || co_await sink(self->number, bytes);
            if (!taken) {
                self->refused = true;
                stream->close();
                break;
            }
            self->consumed += bytes.size();
            self->done = self->ended && self->queue.empty();
            // A quarter of the window: late enough to be cheap, early enough that the guest never
            // waits.
            if (at_once || self->done ||
                self->consumed - self->acknowledged >= proto::limits::exec_window / 4)
                self->acknowledge(*stream);
        }
        self->changed.cancel();
    }

    void acknowledge(FrameStream& stream) {
        acknowledged = consumed;
        const proto::Ack ack{.window = proto::limits::exec_window, .eos = done};
        stream.send(
            {.type = FrameType::ack, .stream = number, .flags = 0, .length = 0, .offset = consumed},
            json::serialize(to_json(ack)));
    }

    std::uint8_t number;
    Timer changed; ///< cancelled when something came, and when everything was taken
    std::string queue;
    std::uint64_t received = 0;
    std::uint64_t consumed = 0;
    std::uint64_t acknowledged = 0;
    bool ack_now = false;
    bool ended = false;   ///< EOS came
    bool done = false;    ///< and everything before it was taken
    bool refused = false; ///< the sink takes no more
    asio::cancellation_signal stop;
};

struct ExecClient::Sides {
    explicit Sides(const Executor& executor)
        : in(std::make_shared<InputSide>(executor)),
          out(std::make_shared<OutputSide>(executor, proto::stream_id::out)),
          err(std::make_shared<OutputSide>(executor, proto::stream_id::err)) {}

    void stop() const {
        in->stop.emit(asio::cancellation_type::terminal);
        out->stop.emit(asio::cancellation_type::terminal);
        err->stop.emit(asio::cancellation_type::terminal);
    }

    std::shared_ptr<InputSide> in;
    std::shared_ptr<OutputSide> out;
    std::shared_ptr<OutputSide> err;
    bool abandoned = false;
};

namespace {

/// Runs beside the reader until it has ended or is cancelled by the side's signal.
template <typename Side>
void run_beside(const Executor& executor, Awaitable<> work, const std::shared_ptr<Side>& side) {
    auto finished = [side](const std::exception_ptr&) {}; // cancelled, or everything was done
    asio::co_spawn(executor, std::move(work),
                   asio::bind_cancellation_slot(side->stop.slot(), finished));
}

} // namespace

Awaitable<Outcome<ExecEnd>> ExecClient::run(proto::ExecRequest request, Input* input,
                                            Clock::time_point deadline) {
    const HttpQuestion question{.method = "POST",
                                .path = "/v1/exec",
                                .body = json::serialize(to_json(request)),
                                .upgrade = std::string(proto::exec_upgrade_token)};
    auto upgraded = co_await http_upgrade(dialer_, question, deadline);
    if (!upgraded) co_return upgraded.error();
    stream_ = std::make_shared<FrameStream>(std::move(upgraded->socket), upgraded->received);
    sides_ = std::make_shared<Sides>(dialer_.executor());
    run_beside(dialer_.executor(), InputSide::pump(sides_->in, stream_, input), sides_->in);
    for (const auto& side : {sides_->out, sides_->err})
        run_beside(dialer_.executor(), OutputSide::drain(side, stream_, sink_), side);
    auto end = co_await receive(sides_);
    co_await stream_->flush(Clock::now() + 1s);
    sides_->stop();
    stream_->close();
    co_return end;
}

Awaitable<Outcome<ExecEnd>> ExecClient::receive(std::shared_ptr<Sides> sides) {
    const auto failure = [this](const std::string& reason) {
        return Failure(fmt::format("'{}': exec: {}", dialer_.target().text(), reason));
    };
    while (!end_.failure && !(end_.exit && sides->out->ended && sides->err->ended)) {
        auto frame = co_await stream_->read();
        if (sides->out->refused || sides->err->refused)
            co_return failure("the output cannot be written");
        if (!frame) co_return failure(frame.error().message);
        if (!*frame)
            co_return failure(end_.exit ? "the connection ended before the command's output did"
                                        : "the connection ended before the command did");
        const Outcome<> taken = take(**frame, *sides);
        if (!taken) co_return failure(taken.error().message);
    }
    // What has come is still to be taken by whoever reads our output.
    co_await taken_up(*sides->out, *sides);
    co_await taken_up(*sides->err, *sides);
    if (sides->out->refused || sides->err->refused)
        co_return failure("the output cannot be written");
    if (sides->abandoned) co_return failure("given up by a signal");
    co_return end_;
}

Awaitable<> ExecClient::taken_up(OutputSide& side, const Sides& sides) {
    while (!end_.failure && !side.done && !side.refused && !sides.abandoned) {
        auto woken = co_await side.changed.async_wait(no_throw);
        (void)woken; // cancelled when all was taken
    }
}

Outcome<> ExecClient::take(const proto::Frame& frame, Sides& sides) {
    const bool is_output =
        frame.header.type == FrameType::data || frame.header.type == FrameType::eos;
    if (!is_output) return take_control(frame, *sides.in);
    const bool is_err = frame.header.stream == proto::stream_id::err;
    return take_output(frame, is_err ? *sides.err : *sides.out);
}

Outcome<> ExecClient::take_output(const proto::Frame& frame, OutputSide& side) {
    if (frame.header.type == FrameType::data && frame.header.offset != side.received)
        return Failure(fmt::format("DATA of stream {} begins at {} instead of {}",
                                   frame.header.stream, frame.header.offset, side.received));
    // The window bounds what waits here.
    if (side.queue.size() + frame.payload.size() > 2 * proto::limits::exec_window)
        return Failure(
            fmt::format("DATA of stream {} goes beyond the window", frame.header.stream));
    if (frame.header.type == FrameType::eos) {
        side.ended = true;
    } else {
        side.queue += frame.payload;
        side.received += frame.payload.size();
        side.ack_now = side.ack_now || (frame.header.flags & proto::frame_flag::ack_now) != 0;
    }
    side.changed.cancel();
    return {};
}

Outcome<> ExecClient::take_control(const proto::Frame& frame, InputSide& side) {
    if (frame.header.type == FrameType::ack) {
        const auto ack = proto::parse_ack(frame.payload);
        if (!ack) return Failure(ack.error().message());
        if (frame.header.stream == proto::stream_id::in)
            side.granted(frame.header.offset + ack->window);
    } else if (frame.header.type == FrameType::exit) {
        const auto document = proto::parse_json(frame.payload);
        if (!document) return Failure(document.error().message());
        const auto status = proto::parse_exit_status(*document);
        if (!status) return Failure(status.error().message());
        end_.exit = *status;
    } else if (frame.header.type == FrameType::error) {
        const auto document = proto::parse_json(frame.payload);
        if (!document) return Failure(document.error().message());
        if (auto spawn = proto::parse_spawn_failure(*document); spawn) {
            end_.failure = std::move(*spawn);
            return {};
        }
        const auto error = proto::parse_error_document(frame.payload);
        return Failure(error ? error->message : "the guest gave up without a reason");
    }
    return {};
}

void ExecClient::signal(int number) {
    if (!stream_) return;
    const proto::SignalRequest request{.signal = static_cast<std::uint32_t>(number)};
    stream_->send({.type = FrameType::signal}, json::serialize(to_json(request)));
}

void ExecClient::abandon() {
    if (!stream_) return;
    stream_->close();
    sides_->abandoned = true;
    sides_->out->changed.cancel();
    sides_->err->changed.cancel();
}

} // namespace rouse::host
