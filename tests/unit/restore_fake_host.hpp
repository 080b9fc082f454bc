#pragma once
// The host's end of the link for tests of the restore service: answers as it is told to.

#include "agent/io/frame_stream.hpp"
#include "agent/io/listener.hpp"
#include "agent/io/task_group.hpp"
#include "proto/link.hpp"

#include <catch2/catch_test_macros.hpp>

namespace rouse::test {

/// A host that answers on the link as it is told to.
class FakeHost {
public:
    FakeHost(const io::Executor& executor, io::TaskGroup& tasks, io::Address address)
        : tasks_(tasks), listener_(executor, std::move(address)) {
        listener_.set_on_accept(
            [this](io::Socket socket) { tasks_.spawn("fake host", serve(std::move(socket))); });
    }

    void listen() {
        REQUIRE(listener_.open());
        tasks_.spawn("fake listener", listener_.run());
    }
    void hang_up() {
        io::error_code ignored;
        if (socket_ != nullptr) socket_->close(ignored);
    }
    void send(proto::FrameType type, const std::string& payload, std::uint64_t offset = 0) {
        proto::FrameHeader header;
        header.type = type;
        header.offset = offset;
        if (stream_ != nullptr) stream_->post(proto::encode(header, payload));
    }

    std::function<proto::Ready(std::string)> probe; ///< GET /v1/ready; empty: no probe
    proto::RestoreDocument document;
    std::string nonce_prefix; ///< makes the nonce of HELLO_ACK wrong
    bool answers = true;
    bool answers_ping = true;
    bool acknowledges_events = true;
    std::vector<proto::LinkHello> hellos;
    std::vector<proto::RestoreReport> confirms;
    std::vector<proto::Event> events;
    std::vector<std::string> pongs;

private:
    io::Awaitable<> serve(io::Socket socket) {
        io::FrameStream stream(socket);
        socket_ = &socket;
        stream_ = &stream;
        while (true) {
            io::Awaitable<io::FrameRead> reading = stream.read();
            io::FrameRead read = co_await std::move(reading);
            const auto* frame = std::get_if<proto::Frame>(&read);
            if (frame == nullptr) break;
            take(*frame);
        }
        if (socket_ == &socket) {
            socket_ = nullptr;
            stream_ = nullptr;
        }
    }

    void take(const proto::Frame& frame) {
        if (frame.header.type == proto::FrameType::hello) answer(frame.payload);
        if (frame.header.type == proto::FrameType::ping && answers_ping)
            send(proto::FrameType::pong, frame.payload);
        if (frame.header.type == proto::FrameType::pong) pongs.push_back(frame.payload);
        if (frame.header.type == proto::FrameType::confirm)
            confirms.push_back(*proto::parse_restore_report(boost::json::parse(frame.payload)));
        if (frame.header.type == proto::FrameType::event) {
            events.push_back(*proto::parse_event(frame.payload));
            if (acknowledges_events) send(proto::FrameType::ack, "", events.back().sequence);
        }
    }

    void answer(const std::string& payload) {
        const proto::LinkHello hello = *proto::parse_link_hello(payload);
        hellos.push_back(hello);
        if (probe) {
            const proto::Ready ready = probe(hello.nonce);
            CHECK(ready.link_key == hello.link_key);
            CHECK(ready.epoch == hello.epoch);
            CHECK(ready.boot_id == hello.boot_id);
        }
        if (!answers) return;
        const proto::LinkHelloAck ack{1, nonce_prefix + hello.nonce, document};
        send(proto::FrameType::hello_ack, boost::json::serialize(to_json(ack)));
    }

    io::TaskGroup& tasks_;
    io::Listener listener_;
    io::Socket* socket_ = nullptr;
    io::FrameStream* stream_ = nullptr;
};

} // namespace rouse::test
