#include "agent/output/connection.hpp"

#include "agent/io/race.hpp"
#include "proto/frame_decoder.hpp"
#include "proto/link.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <array>
#include <utility>

namespace rouse::output {

namespace json = boost::json;

using io::Awaitable;
using proto::FrameType;

namespace {

/// The kind of an ERROR that answers a WELCOME.
std::string_view kind_of(const proto::Problem& problem) {
    if (problem.where == "$.resume") return "resume";
    return problem.where == "$.version" ? "version" : "protocol";
}

} // namespace

Connection::Connection(io::Socket socket, StreamState& state, const OutputOptions& options,
                       const OutputCallbacks& callbacks)
    : socket_(std::move(socket)), state_(state), options_(options), callbacks_(callbacks),
      deadline_(socket_.get_executor()) {}

Awaitable<> Connection::run(OutputIdentity identity) {
    Awaitable<> reader = read_frames();
    Awaitable<> writer = write_frames(std::move(identity));
    Awaitable<io::Winner> ended = io::race(std::move(reader), std::move(writer));
    co_await std::move(ended);
}

void Connection::close() {
    io::error_code ignored; // The descriptor is gone either way.
    socket_.close(ignored);
    state_.work.notify();
}

Awaitable<> Connection::read_frames() {
    std::array<char, 4096> buffer{};
    proto::FrameDecoder decoder(0); // A host sends no data here.
    for (;;) {
        auto received = co_await socket_.async_read_some(boost::asio::buffer(buffer), io::no_throw);
        const auto& [error, bytes] = received;
        if (error) {
            (void)fail("reading", error);
            co_return;
        }
        if (!socket_.is_open()) co_return; // Closed while this was on its way to us.
        decoder.append({buffer.data(), bytes});
        for (;;) {
            const proto::Parsed<std::optional<proto::Frame>> next = decoder.next();
            if (!next) {
                (void)fail(next.error().message());
                co_return;
            }
            const std::optional<proto::Frame>& frame = *next;
            if (!frame) break;
            if (!take(*frame)) co_return;
        }
    }
}

/// False ends the connection.
bool Connection::take(const proto::Frame& frame) {
    switch (frame.header.type) {
    case FrameType::welcome:
        return take_welcome(frame);
    case FrameType::ack:
        return take_ack(frame);
    case FrameType::error: {
        const auto error = proto::parse_error_document(frame.payload);
        return fail(fmt::format("the host says: {}", error ? error->message : "error"));
    }
    default:
        return true; // A newer host may say more than we know.
    }
}

bool Connection::take_welcome(const proto::Frame& frame) {
    const proto::Parsed<proto::OutputWelcome> welcome = proto::parse_output_welcome(frame.payload);
    if (!welcome) return refuse("protocol", welcome.error());
    const std::uint64_t oldest = state_.book.offsets().acked;
    const proto::Parsed<RelayBook::Replay> replay = state_.book.welcome(*welcome);
    if (!replay) return refuse(kind_of(replay.error()), replay.error());
    if (replay->below_oldest) report_below_oldest(welcome->resume.value_or(0), oldest);
    state_.stop_console(callbacks_); // Before `unsent` is anybody else's.
    state_.report_losses(callbacks_);
    const sys::Result<> released = state_.pipes.release(replay->release);
    if (!released) return fail("releasing", released.error());
    const sys::Result<> rebuilt = state_.pipes.refill(0);
    if (!rebuilt) return fail("replaying", rebuilt.error());
    welcomed_ = true;
    state_.refusal_reported = false;
    callbacks_.event("output_welcomed",
                     {{"stream", state_.name}, {"offset", state_.book.offsets().sent}});
    state_.active();
    state_.room.notify();
    state_.work.notify();
    return true;
}

/// The host has lost what it had acknowledged. It is told so in band, too.
void Connection::report_below_oldest(std::uint64_t asked, std::uint64_t oldest) {
    callbacks_.warn(fmt::format("host asks for \"{}\" from {}, which it had acknowledged and is "
                                "gone, going on at {}",
                                state_.name, asked, oldest));
    callbacks_.event("output_resumed_below",
                     {{"stream", state_.name}, {"resume", asked}, {"oldest", oldest}});
}

bool Connection::take_ack(const proto::Frame& frame) {
    const proto::Parsed<proto::Ack> ack = proto::parse_ack(frame.payload);
    if (!ack) return refuse("protocol", ack.error());
    const proto::Parsed<std::size_t> released = state_.book.acknowledge(frame.header.offset, *ack);
    if (!released) return refuse("protocol", released.error());
    const sys::Result<> dropped = state_.pipes.release(*released);
    if (!dropped) return fail("releasing", dropped.error());
    state_.report_losses(callbacks_);
    state_.active();
    state_.room.notify();
    state_.work.notify();
    return !state_.book.finished();
}

/// The writer says why and ends the connection; until then the reader goes on, to see a hang-up.
bool Connection::refuse(std::string_view kind, const proto::Problem& problem) {
    if (farewell_) return true;
    const proto::ErrorDocument document{.kind = std::string(kind), .message = problem.message()};
    farewell_ = proto::encode({.type = FrameType::error, .stream = state_.number},
                              json::serialize(proto::to_json(document)));
    (void)fail(problem.message());
    if (!std::exchange(state_.refusal_reported, true))
        callbacks_.event("output_refused", {{"stream", state_.name}, {"why", problem.message()}});
    state_.work.notify();
    return true;
}

/// The first reason counts. Always false.
bool Connection::fail(std::string why) {
    if (why_.empty()) why_ = std::move(why);
    return false;
}

bool Connection::fail(std::string_view what, const io::error_code& error) {
    return fail(fmt::format("{}: {}", what, error.message()));
}

} // namespace rouse::output
