#include "tools/benchmark/relay/intake.hpp"

#include "proto/link.hpp"
#include "proto/output.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <functional>
#include <stdexcept>
#include <utility>

namespace rouse::bench {

using proto::FrameType;

namespace {

template <typename T>
T value_of(const proto::Parsed<T>& parsed) {
    if (!parsed) throw std::runtime_error(parsed.error().message());
    return *parsed;
}

std::string encode_document(proto::FrameHeader header, const boost::json::value& document) {
    return proto::encode(header, boost::json::serialize(document));
}

/// `size` bytes, no more.
std::string read_exactly(int socket, std::size_t size, lab::Deadline deadline) {
    std::string bytes;
    while (bytes.size() < size) {
        std::string piece(size - bytes.size(), '\0');
        bytes += receive(socket, piece, deadline);
    }
    return bytes;
}

} // namespace

void PlainIntake::receive(lab::Deadline deadline, const Take& take) {
    take(bench::receive(connection_.get(), buffer_, deadline));
}

AgentIntake::AgentIntake(const std::filesystem::path& socket)
    : link_listener_(listen_at(socket.string() + "_4001")),
      output_listener_(listen_at(socket.string() + "_4002")) {}

proto::Frame AgentIntake::read_frame(int socket, lab::Deadline deadline) {
    const std::string bytes = read_exactly(socket, proto::frame_header_size, deadline);
    proto::Frame frame;
    frame.header = proto::decode(std::span<const char, proto::frame_header_size>(bytes));
    const auto sound = proto::check(frame.header);
    if (!sound) throw std::runtime_error(sound.error().message());
    frame.payload = read_exactly(socket, frame.header.length, deadline);
    return frame;
}

void AgentIntake::greet(const Connect& guest, lab::Deadline deadline) {
    // A connection that waited for too long was given up by the agent, which dials anew.
    const auto persist = [&](const std::function<void()>& work) {
        for (bool done = false; !done;) {
            try {
                work();
                done = true;
            } catch (const std::runtime_error&) {
                if (deadline.expired()) throw;
            }
        }
    };
    persist([&] { confirm(guest, deadline); });
    while (!out_.is_open() || !err_.is_open())
        persist([&] { welcome(deadline); });
}

void AgentIntake::confirm(const Connect& guest, lab::Deadline deadline) {
    link_ = accept(link_listener_, deadline);
    const auto hello = value_of(proto::parse_link_hello(read_frame(link_.get(), deadline).payload));
    const lab::Descriptor probe = guest(deadline);
    send_all(probe.get(), fmt::format("GET /v1/ready?nonce={} HTTP/1.1\r\nHost: guest\r\n"
                                      "Connection: close\r\n\r\n",
                                      hello.nonce));
    const std::string status = read_line(probe.get(), deadline);
    if (!status.starts_with("HTTP/1.1 200"))
        throw std::runtime_error(fmt::format("the probe was answered '{}'", status));
    const proto::LinkHelloAck ack{.version = 1, .nonce = hello.nonce, .document = {}};
    send_all(link_.get(), encode_document({.type = FrameType::hello_ack}, proto::to_json(ack)));
}

void AgentIntake::welcome(lab::Deadline deadline) {
    lab::Descriptor connection = accept(output_listener_, deadline);
    const auto hello =
        value_of(proto::parse_output_hello(read_frame(connection.get(), deadline).payload));
    proto::OutputWelcome answer;
    answer.version = 1;
    send_all(connection.get(),
             encode_document({.type = FrameType::welcome}, proto::to_json(answer)));
    (hello.stream == "stdout" ? out_ : err_) = std::move(connection);
}

void AgentIntake::receive(lab::Deadline deadline, const Take& take) {
    while (offset_ > acked_ && !wait_readable(out_.get(), ack_due()))
        settle();
    std::string_view bytes = bench::receive(out_.get(), buffer_, deadline);
    bool ack_now = false;
    while (const auto piece = scan_.next(bytes))
        ack_now = look(*piece, take) || ack_now;
    if (ack_now || offset_ - acked_ >= proto::limits::ack_bytes) settle();
}

bool AgentIntake::look(const FrameScan::Piece& piece, const Take& take) {
    if (piece.header.type != FrameType::data)
        throw std::runtime_error(
            fmt::format("unexpected frame {}", proto::name(piece.header.type)));
    if (offset_ == acked_) unacked_since_ = std::chrono::steady_clock::now();
    offset_ += piece.bytes.size();
    take(piece.bytes);
    if (piece.last && piece.header.offset + piece.header.length != offset_)
        throw std::runtime_error("a frame of the agent is not at its offset");
    return piece.last && (piece.header.flags & proto::frame_flag::ack_now) != 0;
}

lab::Deadline AgentIntake::ack_due() const {
    const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - unacked_since_);
    return lab::Deadline(std::max(proto::limits::ack_delay - waited, std::chrono::milliseconds(0)));
}

void AgentIntake::settle() {
    if (offset_ == acked_) return;
    const proto::Ack ack{.window = proto::limits::retention_workload, .eos = false};
    send_all(out_.get(),
             encode_document(
                 {.type = FrameType::ack, .stream = proto::stream_id::out, .offset = offset_},
                 proto::to_json(ack)));
    acked_ = offset_;
}

} // namespace rouse::bench
