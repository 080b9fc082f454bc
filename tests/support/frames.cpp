#include "tests/support/frames.hpp"

#include "proto/output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace rouse::test {

namespace json = boost::json;
using proto::Frame;
using proto::FrameHeader;
using proto::FrameType;

FrameConnection::FrameConnection(Connection connection, std::string_view received)
    : connection_(std::move(connection)) {
    decoder_.append(received);
}

void FrameConnection::allow(std::size_t bytes) {
    if (decoder_.pending() > 0) throw std::logic_error("bytes came that were not asked for");
    decoder_ = proto::FrameDecoder(bytes);
}

FrameConnection FrameConnection::exec(const Endpoint& endpoint, const proto::ExecRequest& request) {
    return upgrade(endpoint, "/v1/exec", json::serialize(proto::to_json(request)));
}

FrameConnection FrameConnection::attach(const Endpoint& endpoint, const std::string& id,
                                        std::string_view request) {
    return upgrade(endpoint, fmt::format("/v1/sessions/{}/attach", id), request);
}

FrameConnection FrameConnection::upgrade(const Endpoint& endpoint, const std::string& path,
                                         std::string_view body) {
    Connection connection = endpoint.connect();
    const std::string text = request_text(
        "POST", path, body,
        fmt::format("Connection: Upgrade\r\nUpgrade: {}\r\n", proto::exec_upgrade_token));
    if (!connection.send(text)) throw std::runtime_error("the connection ended early");
    return switched(std::move(connection));
}

FrameConnection FrameConnection::switched(Connection connection) {
    std::string answer;
    while (answer.find("\r\n\r\n") == std::string::npos) {
        const auto more = connection.receive();
        if (!more) throw std::runtime_error(fmt::format("refused: '{}'", answer));
        answer += *more;
    }
    if (!answer.starts_with("HTTP/1.1 101"))
        throw std::runtime_error(fmt::format("no upgrade: '{}'", answer));
    const std::string rest = answer.substr(answer.find("\r\n\r\n") + 4);
    return FrameConnection(std::move(connection), rest);
}

bool FrameConnection::send(FrameHeader header, std::string_view payload) {
    return connection_.send(proto::encode(header, payload));
}

bool FrameConnection::send(FrameType type, const json::value& document, std::uint8_t stream,
                           std::uint64_t offset) {
    return send({.type = type, .stream = stream, .offset = offset}, json::serialize(document));
}

std::optional<Frame> FrameConnection::receive(std::chrono::milliseconds limit) {
    const lab::Deadline deadline(limit);
    for (;;) {
        auto next = decoder_.next();
        if (!next) throw std::runtime_error(next.error().message());
        if (*next) return std::move(*next);
        const auto more = connection_.receive(deadline.left());
        if (!more && decoder_.pending() > 0)
            throw std::runtime_error("the connection ended in the middle of a frame");
        if (!more) return std::nullopt;
        decoder_.append(*more);
    }
}

bool FrameConnection::answer_ping(const Frame& ping) {
    return send({.type = FrameType::pong}, ping.payload);
}

Frame FrameConnection::expect(FrameType type, std::chrono::milliseconds limit) {
    auto frame = receive(limit);
    // A guest that has waited for its answer makes sure that we are there.
    while (frame && frame->header.type == FrameType::ping && type != FrameType::ping) {
        if (!answer_ping(*frame)) break;
        frame = receive(limit);
    }
    if (!frame || frame->header.type != type)
        throw std::runtime_error(
            fmt::format("expected {}, got {} {}", proto::name(type),
                        frame ? proto::name(frame->header.type) : "the end of the connection",
                        frame ? frame->payload : ""));
    return std::move(*frame);
}

namespace {

/// Takes one frame in; answers what wants an answer.
void take(FrameConnection& stream, Frame& frame, StreamedExec& result) {
    const FrameHeader& header = frame.header;
    std::string& text = header.stream == proto::stream_id::err ? result.err : result.out;
    constexpr std::uint64_t window = 1U << 20U;
    switch (header.type) {
    case FrameType::data:
        if (header.offset != text.size()) throw std::runtime_error("the offsets have a gap");
        text += frame.payload;
        (void)stream.send(FrameType::ack, proto::to_json(proto::Ack{.window = window}),
                          header.stream, text.size()); // the end shows when we read on
        return;
    case FrameType::eos:
        ++result.ends;
        (void)stream.send(FrameType::ack, proto::to_json(proto::Ack{.window = window, .eos = true}),
                          header.stream,
                          text.size()); // as above
        return;
    case FrameType::exit:
        result.exit = proto::parse_exit_status(proto::parse_json(frame.payload).value()).value();
        return;
    case FrameType::error:
        result.failure =
            proto::parse_spawn_failure(proto::parse_json(frame.payload).value()).value();
        return;
    default:
        return;
    }
}

} // namespace

StreamedExec run_stream(FrameConnection& stream, std::string_view input) {
    const std::uint64_t length = input.size();
    for (std::uint64_t sent = 0; sent < length;) {
        const std::string_view piece = input.substr(sent, proto::limits::data_frame);
        if (!stream.send({.type = FrameType::data, .stream = proto::stream_id::in, .offset = sent},
                         piece))
            throw std::runtime_error("the stream ended while input was sent");
        sent += piece.size();
    }
    (void)stream.send(FrameType::eos, proto::to_json(proto::EndOfStream{}), proto::stream_id::in,
                      length); // the end shows when we read on
    StreamedExec result;
    while (!result.failure && !(result.exit && result.ends == 2)) {
        auto frame = stream.receive();
        if (!frame) throw std::runtime_error("the stream ended before the command's end");
        take(stream, *frame, result);
    }
    return result;
}

} // namespace rouse::test
