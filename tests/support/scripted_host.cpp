#include "tests/support/scripted_host.hpp"

#include "proto/exec_stream.hpp"
#include "tests/support/sequence.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace rouse::test {

using proto::FrameType;

namespace {

lab::Descriptor listen_at(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = path.string();
    if (name.size() >= sizeof address.sun_path)
        throw std::system_error(ENAMETOOLONG, std::generic_category(), name);
    std::memcpy(address.sun_path, name.c_str(), name.size());
    lab::Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket.is_open() ||
        bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(socket.get(), 16) != 0)
        throw std::system_error(errno, std::generic_category(), name);
    return socket;
}

bool readable(int socket, std::chrono::milliseconds limit) {
    pollfd entry{.fd = socket, .events = POLLIN, .revents = 0};
    return poll(&entry, 1, static_cast<int>(limit.count())) > 0;
}

template <typename T>
T value_of(const proto::Parsed<T>& parsed) {
    if (!parsed) throw std::runtime_error(parsed.error().message());
    return *parsed;
}

} // namespace

HostListener::HostListener(const std::filesystem::path& path) : socket_(listen_at(path)) {}

FrameConnection HostListener::accept(std::chrono::milliseconds limit) const {
    if (!readable(socket_.get(), limit))
        throw std::runtime_error(fmt::format("nobody connected within {} ms", limit.count()));
    lab::Descriptor connection(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection.is_open()) throw std::system_error(errno, std::generic_category(), "accept");
    return FrameConnection(Connection(std::move(connection)));
}

bool HostListener::stays_quiet(std::chrono::milliseconds quiet) const {
    return !readable(socket_.get(), quiet);
}

ScriptedHost::ScriptedHost(const std::filesystem::path& socket)
    : link_listener_(socket.string() + "_4001"), output_listener_(socket.string() + "_4002") {}

proto::LinkHello ScriptedHost::accept_link() {
    link_.emplace(link_listener_.accept());
    return value_of(proto::parse_link_hello(link_->expect(FrameType::hello).payload));
}

proto::Ready ScriptedHost::probe(const Endpoint& guest, const std::string& nonce) {
    const HttpAnswer answer = ask(guest, "GET", "/v1/ready?nonce=" + nonce);
    return value_of(proto::parse_ready(answer.body));
}

proto::RestoreReport ScriptedHost::confirm(const Endpoint& guest, const proto::LinkHello& hello,
                                           proto::RestoreDocument document) {
    const proto::Ready ready = probe(guest, hello.nonce);
    if (ready.link_key != hello.link_key || ready.boot_id != hello.boot_id ||
        ready.epoch != hello.epoch || ready.nonce != hello.nonce)
        throw std::runtime_error(fmt::format("the probe does not match the hello: {}",
                                             boost::json::serialize(proto::to_json(ready))));
    const proto::LinkHelloAck ack{
        .version = 1, .nonce = hello.nonce, .document = std::move(document)};
    (void)link().send(FrameType::hello_ack, proto::to_json(ack)); // expect() says when it is gone
    const auto report = proto::parse_json(link().expect(FrameType::confirm).payload);
    return value_of(proto::parse_restore_report(value_of(report)));
}

void ScriptedHost::serve_link(const Endpoint& guest) {
    (void)confirm(guest, accept_link()); // Whether it is complete is what other tests are about.
    keep_link();
}

void ScriptedHost::keep_link() {
    kept_link_.emplace(std::move(link_.value()));
    link_.reset();
}

OutputConnection ScriptedHost::accept_output() {
    FrameConnection frames = output_listener_.accept();
    const auto hello = proto::parse_output_hello(frames.expect(FrameType::hello).payload);
    return {.hello = value_of(hello), .frames = std::move(frames)};
}

void ScriptedHost::welcome(OutputConnection& output, std::uint64_t window,
                           std::optional<std::uint64_t> resume, std::uint64_t max_frame) {
    proto::OutputWelcome answer;
    answer.version = 1;
    answer.resume = resume;
    answer.window = window;
    answer.max_frame = max_frame;
    output.frames.allow(max_frame);
    (void)output.frames.send(FrameType::welcome, proto::to_json(answer)); // reading shows the end
}

std::string read_to_end(OutputConnection& output, std::chrono::milliseconds limit) {
    const lab::Deadline deadline(limit);
    std::string bytes;
    const auto stream =
        output.hello.stream == "stderr" ? proto::stream_id::err : proto::stream_id::out;
    for (;;) {
        const auto frame = output.frames.receive(deadline.left());
        if (!frame) throw std::runtime_error("the output ended without EOS");
        const bool end = frame->header.type == FrameType::eos;
        if (frame->header.type == FrameType::data) {
            if (frame->header.offset != bytes.size())
                throw std::runtime_error("a gap in the output");
            bytes += frame->payload;
        } else if (!end) {
            throw std::runtime_error(
                fmt::format("unexpected {} {}", proto::name(frame->header.type), frame->payload));
        }
        const proto::Ack ack{.window = proto::limits::retention_workload, .eos = end};
        (void)output.frames.send(FrameType::ack, proto::to_json(ack), stream, bytes.size());
        if (end) return bytes;
    }
}

namespace {

void take(const proto::Frame& frame, std::uint8_t stream, ReceivedSequence& sequence) {
    if (frame.header.offset != sequence.length)
        throw std::runtime_error(fmt::format("{} at {}, expected {}", name(frame.header.type),
                                             frame.header.offset, sequence.length));
    if (frame.header.type == FrameType::dropped) {
        const std::uint64_t count = value_of(proto::parse_dropped(frame.payload)).count;
        sequence.length += count;
        sequence.dropped += count;
        ++sequence.gaps;
    } else if (frame.header.type == FrameType::eos) {
        sequence.end = value_of(proto::parse_end_of_stream(frame.payload));
    } else if (frame.header.type == FrameType::data) {
        const std::size_t size = frame.payload.size();
        if (matching_sequence(stream, sequence.length, frame.payload) != size)
            throw std::runtime_error(fmt::format("wrong bytes after {}", sequence.length));
        sequence.length += size;
        sequence.received += size;
        sequence.largest_frame = std::max(sequence.largest_frame, size);
    } else {
        throw std::runtime_error(
            fmt::format("unexpected {} {}", name(frame.header.type), frame.payload));
    }
}

} // namespace

bool take_frame(OutputConnection& output, ReceivedSequence& sequence,
                std::chrono::milliseconds limit) {
    const auto stream =
        output.hello.stream == "stderr" ? proto::stream_id::err : proto::stream_id::out;
    const auto frame = output.frames.receive(limit);
    if (!frame) return false;
    take(*frame, stream, sequence);
    const proto::Ack ack{.window = proto::limits::retention_workload,
                         .eos = sequence.end.has_value()};
    (void)output.frames.send(FrameType::ack, proto::to_json(ack), stream,
                             sequence.length); // reading shows the end
    return true;
}

void follow(OutputConnection& output, ReceivedSequence& sequence, std::chrono::milliseconds limit) {
    const lab::Deadline deadline(limit);
    while (!sequence.end && take_frame(output, sequence, deadline.left())) {
    }
}

} // namespace rouse::test
