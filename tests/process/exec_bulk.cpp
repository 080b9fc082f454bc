// Much input and much output, by commands and clients that are slow, or that do not read at all.
#include "proto/exec_stream.hpp"
#include "proto/output.hpp"
#include "tests/process/exec_scene.hpp"
#include "tests/support/sequence.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <stdexcept>

#include <poll.h>

using namespace rouse;
using proto::FrameType;
using test::Agent;
using test::AgentPlace;
using test::FrameConnection;
using test::payload;

namespace {

/// Bytes whose period no buffer's size divides, made once: a GiB of them costs little.
class Pattern {
public:
    Pattern() : bytes_(period + proto::limits::data_frame, '\0') {
        test::fill_sequence(0, 0, bytes_);
        bytes_.replace(period, proto::limits::data_frame, bytes_, 0, proto::limits::data_frame);
    }

    /// At most a frame of them.
    [[nodiscard]] std::string_view at(std::uint64_t offset, std::size_t size) const {
        return std::string_view(bytes_).substr(offset % period, size);
    }

private:
    static constexpr std::size_t period = 1'048'573; // a prime number

    std::string bytes_;
};

/// When a client acknowledges output.
enum class Acks {
    at_once,
    after_a_pause, ///< when its whole window is used and nothing has come for a while
};

/// A client that sends `input` bytes of the pattern as it is granted them, and their end, and takes
/// output in meanwhile.
class BulkClient {
public:
    using Check = std::function<bool(std::uint64_t offset, std::string_view bytes)>;

    BulkClient(FrameConnection stream, const Pattern& pattern, std::uint64_t input, Check is_right,
               Acks acks = Acks::at_once)
        : stream_(std::move(stream)), pattern_(pattern), input_(input),
          is_right_(std::move(is_right)), acks_(acks) {}

    /// To the command's end. Throws std::runtime_error when a byte is wrong.
    proto::ExitStatus run() {
        while (!exit_ || ends_ < 2) {
            send_input();
            if (acks_ == Acks::after_a_pause && out_ - acked_ == proto::limits::exec_window)
                pause();
            auto frame = stream_.receive();
            if (!frame) throw std::runtime_error("the stream ended before the command");
            take(*frame);
        }
        return *exit_;
    }

    /// Bytes of stdout.
    [[nodiscard]] std::uint64_t out() const { return out_; }
    /// Bytes of stdin that the guest has consumed, and whether it has its end.
    [[nodiscard]] std::uint64_t consumed() const { return consumed_; }
    [[nodiscard]] bool input_ended() const { return input_ended_; }

private:
    void send_input() {
        while (sent_ < std::min(input_, limit_)) {
            const std::size_t size = std::min<std::uint64_t>(proto::limits::data_frame,
                                                             std::min(input_, limit_) - sent_);
            if (!stream_.send({.stream = proto::stream_id::in, .offset = sent_},
                              pattern_.at(sent_, size)))
                throw std::runtime_error("the guest is gone");
            sent_ += size;
        }
        if (sent_ < input_ || end_sent_) return;
        end_sent_ = true;
        (void)stream_.send(FrameType::eos, proto::to_json(proto::EndOfStream{}),
                           proto::stream_id::in, sent_); // the end shows when we read on
    }

    void pause() {
        constexpr int pause_ms = 5;
        pollfd entry{.fd = stream_.connection().descriptor(), .events = POLLIN, .revents = 0};
        while (poll(&entry, 1, pause_ms) > 0)
            take(stream_.receive().value());
        acknowledge_output();
    }

    void acknowledge_output() {
        acked_ = out_;
        (void)acknowledge(stream_, proto::stream_id::out, out_); // as above
    }

    void take(const proto::Frame& frame) {
        switch (frame.header.type) {
        case FrameType::data:
            if (frame.header.offset != out_ || !is_right_(out_, frame.payload))
                throw std::runtime_error(fmt::format("wrong bytes at {}", frame.header.offset));
            out_ += frame.payload.size();
            if (acks_ == Acks::at_once) acknowledge_output();
            return;
        case FrameType::ack:
            consumed_ = frame.header.offset;
            limit_ = consumed_ + proto::parse_ack(frame.payload)->window;
            input_ended_ = proto::parse_ack(frame.payload)->eos;
            return;
        case FrameType::exit:
            exit_ = proto::parse_exit_status(proto::parse_json(frame.payload).value()).value();
            return;
        case FrameType::eos:
            ++ends_;
            (void)acknowledge(stream_, frame.header.stream, frame.header.offset, true); // as above
            return;
        default:
            return;
        }
    }

    FrameConnection stream_;
    const Pattern& pattern_;
    std::uint64_t input_;
    Check is_right_;
    Acks acks_;
    std::uint64_t sent_ = 0;
    std::uint64_t limit_ = proto::limits::exec_window;
    std::uint64_t consumed_ = 0;
    bool end_sent_ = false;
    bool input_ended_ = false;
    std::uint64_t out_ = 0;
    std::uint64_t acked_ = 0;
    unsigned ends_ = 0;
    std::optional<proto::ExitStatus> exit_;
};

/// Sends `size` bytes through a command that gives back what it gets, and checks them.
void check_echo(std::vector<std::string> argv, std::uint64_t size, Acks acks = Acks::at_once) {
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    const Pattern pattern;
    const auto is_right = [&](std::uint64_t offset, std::string_view bytes) {
        return pattern.at(offset, bytes.size()) == bytes;
    };
    BulkClient client(FrameConnection::exec(agent.endpoint(), test::exec_request(std::move(argv))),
                      pattern, size, is_right, acks);
    // It ends by itself only when it has seen the end of its input.
    CHECK(client.run().code == 0U);
    CHECK(client.out() == size);
    CHECK(client.consumed() == size);
    CHECK(client.input_ended());
}

} // namespace

TEST_CASE("a GiB goes through a command and comes back as it was", "[exec-bulk][exec][process]") {
    check_echo({"cat"}, 1U << 30U);
}

TEST_CASE("a command that takes its input in sips gets all of it, and its end",
          "[exec-bulk][exec][process]") {
    check_echo(payload({"sip", "3000", "1"}), 6U << 20U);
}

TEST_CASE("a client that pauses before each acknowledgement gets all of the output",
          "[exec-bulk][exec][process]") {
    check_echo({"cat"}, 24U << 20U, Acks::after_a_pause);
}

TEST_CASE("a command that never reads its input is heard, and its end, too",
          "[exec-bulk][exec][process]") {
    constexpr std::uint64_t output = 8U << 20U;
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    const Pattern pattern;
    const auto is_right = [](std::uint64_t offset, std::string_view bytes) {
        return test::matching_sequence(1, offset, bytes) == bytes.size();
    };
    const auto request = test::shell_request(payload({}).front() + " sequence stdout 8M; exit 3");
    // More input than all windows and pipes hold.
    BulkClient client(FrameConnection::exec(agent.endpoint(), request), pattern, 1U << 20U,
                      is_right);
    CHECK(client.run().code == 3U);
    CHECK(client.out() == output);
}
