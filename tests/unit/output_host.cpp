#include "tests/unit/output_host.hpp"

#include "agent/io/listening_socket.hpp"
#include "proto/exec_stream.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <sys/socket.h>

namespace rouse::test {

namespace json = boost::json;

using proto::FrameType;

OutputHost::OutputHost(std::filesystem::path path) : path_(std::move(path)) {
    sys::Result<sys::UniqueFd> listener =
        io::make_listening_socket(io::UnixAddress{path_.string()});
    if (!listener) throw std::runtime_error(listener.error().message());
    listener_ = std::move(*listener);
}

OutputHost::~OutputHost() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
}

void OutputHost::accept_waiting() {
    for (;;) {
        sys::UniqueFd socket(
            ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!socket.valid()) return;
        connections.push_back(std::make_unique<HostConnection>());
        connections.back()->socket = std::move(socket);
    }
}

void OutputHost::read(HostConnection& connection, std::size_t bytes) {
    if (connection.closed || !connection.socket.valid()) return;
    std::string buffer(bytes, '\0');
    const ssize_t got = ::recv(connection.socket.get(), buffer.data(), bytes, 0);
    if (got < 0) {
        connection.closed = errno != EAGAIN;
        return;
    }
    connection.closed = got == 0;
    connection.decoder.append({buffer.data(), static_cast<std::size_t>(got)});
    for (;;) {
        const proto::Parsed<std::optional<proto::Frame>> frame = connection.decoder.next();
        if (!frame) throw std::runtime_error(frame.error().message());
        if (!*frame) return;
        take(connection, **frame);
    }
}

void OutputHost::read_all() {
    accept_waiting();
    for (const std::unique_ptr<HostConnection>& connection : connections)
        read(*connection, 256 * 1024);
}

void OutputHost::take(HostConnection& connection, const proto::Frame& frame) {
    // The newest connection of a stream wins: what an older one still brings is not looked at.
    if (connection.hello && newest(connection.hello->stream) != &connection) return;
    switch (frame.header.type) {
    case FrameType::hello:
        connection.hello = proto::parse_output_hello(frame.payload).value();
        break;
    case FrameType::data:
        take_data(connection, frame);
        break;
    case FrameType::dropped:
        take_dropped(connection, frame);
        break;
    case FrameType::eos: {
        HostStream& stream = streams_[connection.hello->stream];
        stream.end = proto::parse_end_of_stream(frame.payload).value();
        connection.said_end = true;
        if (frame.header.offset != stream.bytes.size())
            stream.problem = fmt::format("the stream ends at {}, but {} came", frame.header.offset,
                                         stream.bytes.size());
        break;
    }
    case FrameType::error:
        connection.error = proto::parse_error_document(frame.payload).value();
        break;
    default:
        throw std::runtime_error("a frame that no guest says here");
    }
}

void OutputHost::take_dropped(HostConnection& connection, const proto::Frame& frame) {
    HostStream& stream = streams_[connection.hello->stream];
    const std::uint64_t count = proto::parse_dropped(frame.payload).value().count;
    const std::uint64_t have = stream.bytes.size();
    const std::uint64_t end = frame.header.offset + count;
    connection.next_offset = end;
    connection.dropped += count;
    if (frame.header.offset > have)
        stream.problem = fmt::format("DROPPED begins at {}, {} came", frame.header.offset, have);
    // What a connection before this one has brought is there, whatever the guest has dropped since.
    if (end <= have) return;
    stream.gaps.emplace_back(have, end - have);
    stream.bytes.resize(end);
}

std::uint64_t HostStream::lost() const {
    std::uint64_t all = 0;
    for (const auto& [offset, count] : gaps)
        all += count;
    return all;
}

bool HostStream::is(std::string written) const {
    for (const auto& [offset, count] : gaps)
        if (offset + count <= written.size()) written.replace(offset, count, count, '\0');
    return bytes == written;
}

void OutputHost::take_data(HostConnection& connection, const proto::Frame& frame) {
    HostStream& stream = streams_[connection.hello->stream];
    ++connection.frames;
    connection.largest_frame = std::max(connection.largest_frame, frame.payload.size());
    const std::uint64_t offset = frame.header.offset;
    if (offset != connection.next_offset)
        stream.problem = fmt::format("DATA at {} after {}", offset, connection.next_offset);
    connection.next_offset = offset + frame.payload.size();
    if (offset > stream.bytes.size()) {
        stream.problem =
            fmt::format("a gap: {} came at {}", frame.header.offset, stream.bytes.size());
        return;
    }
    const std::size_t known =
        std::min<std::size_t>(stream.bytes.size() - offset, frame.payload.size());
    if (stream.bytes.compare(offset, known, frame.payload, 0, known) != 0)
        stream.problem = fmt::format("other bytes in a replay at {}", offset);
    stream.bytes.append(frame.payload, known);
}

void OutputHost::welcome(HostConnection& connection, const proto::OutputWelcome& answer) {
    connection.welcomed = true;
    connection.from = answer.resume.value_or(connection.hello->oldest);
    connection.next_offset = connection.from;
    send(connection,
         proto::encode({.type = FrameType::welcome}, json::serialize(proto::to_json(answer))));
}

std::uint64_t OutputHost::consumed(const HostConnection& connection) {
    const std::uint64_t have = streams_[connection.hello->stream].bytes.size();
    return std::max(connection.from, std::min(connection.next_offset, have));
}

void OutputHost::acknowledge(HostConnection& connection, std::uint64_t window,
                             std::optional<std::uint64_t> offset) {
    const std::uint64_t all = consumed(connection);
    const std::uint64_t upto = offset.value_or(all);
    const proto::Ack ack{.window = window, .eos = connection.said_end && upto == all};
    send(connection, proto::encode({.type = FrameType::ack, .offset = upto},
                                   json::serialize(proto::to_json(ack))));
}

void OutputHost::send(HostConnection& connection, const std::string& bytes) {
    // A guest that has hung up is noticed by reading.
    (void)::send(connection.socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

void OutputHost::serve() {
    read_all();
    for (const std::unique_ptr<HostConnection>& connection : connections) {
        if (!connection->hello || connection->closed || !connection->socket.valid()) continue;
        const std::uint64_t have = streams_[connection->hello->stream].bytes.size();
        if (!connection->welcomed)
            welcome(*connection, {.version = 1,
                                  .resume = have,
                                  .window = proto::limits::retention_workload,
                                  .max_frame = proto::limits::data_frame});
        else
            acknowledge(*connection, 1024 * 1024);
    }
}

HostConnection* OutputHost::newest(const std::string& stream) {
    for (auto at = connections.rbegin(); at != connections.rend(); ++at)
        if ((*at)->hello && (*at)->hello->stream == stream) return at->get();
    return nullptr;
}

} // namespace rouse::test
