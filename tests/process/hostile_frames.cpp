// Frames on an exec stream that are no good. Five bytes went each way before.

#include "proto/link.hpp"
#include "tests/process/hostile_rows.hpp"

namespace rouse::test {
namespace {

using proto::FrameType;

constexpr std::uint64_t echoed = 5;
constexpr std::uint8_t no_stream = proto::stream_id::none;

std::string ack_frame(std::uint64_t offset, std::uint8_t stream = proto::stream_id::out) {
    return frame_text(FrameType::ack, stream, offset, R"({"window": 65536})");
}

std::string data_frame(std::uint64_t offset, std::string_view bytes, std::uint8_t stream = 0) {
    return frame_text(FrameType::data, stream, offset, bytes);
}

std::string end_frame(std::uint64_t offset, std::uint8_t stream = 0) {
    return frame_text(FrameType::eos, stream, offset, "{}");
}

std::string control_frame(FrameType type, std::string_view payload) {
    return frame_text(type, no_stream, 0, payload);
}

/// More than window, pipes and a command that is not read from can hold.
std::string flood() {
    const std::string piece(proto::limits::data_frame, 'x');
    std::string frames;
    for (std::uint64_t i = 0; i < 24; ++i)
        frames += data_frame(echoed + i * piece.size(), piece);
    return frames;
}

std::vector<BadFrame> bad_data() {
    const std::string stream = "only stream 0 goes to the guest";
    return {
        {"a control frame of 4 GiB", frame_head(FrameType::signal, no_stream, UINT32_MAX),
         "SIGNAL frame: length 4294967295 is above the limit of 65536"},
        {"an unknown type of 4 GiB", frame_head(FrameType{200}, no_stream, UINT32_MAX),
         "unknown frame: length 4294967295 is above the limit of 65536"},
        {"type 0 that is too long", frame_head(FrameType{0}, 0, 65537), "length 65537 is above"},
        {"DATA for stdout", data_frame(echoed, "x", 1), "DATA frame: " + stream},
        {"DATA for stderr", data_frame(0, "x", 2), "DATA frame: " + stream},
        {"DATA for stream 77", data_frame(0, "x", 77), "DATA frame: " + stream},
        {"DATA for no stream", data_frame(0, "x", no_stream), "DATA frame: " + stream},
        {"DATA that goes back", data_frame(0, "hello"), "DATA frame: offset 0 does not follow 5"},
        {"DATA at 2^64 - 1", data_frame(UINT64_MAX, "x"),
         "DATA frame: offset 18446744073709551615 does not follow 5"},
        {"more than the window", flood(), "DATA frame: exceeds the window of 65536"},
        {"EOS for stdout", end_frame(echoed, 1), "EOS frame: " + stream},
        {"EOS before the last byte", end_frame(0),
         "EOS frame: offset 0 is not the stream's length 5"},
        {"EOS behind the last byte", end_frame(6),
         "EOS frame: offset 6 is not the stream's length 5"},
    };
}

std::vector<BadFrame> bad_acks() {
    const std::string stream = "ACK frame: acknowledges a stream that we do not send";
    return {
        {"ACK of what was never sent", ack_frame(6),
         "ACK frame: offset 6 is beyond the 5 bytes sent"},
        {"ACK of 2^64 - 1", ack_frame(UINT64_MAX), "is beyond the 5 bytes sent"},
        {"ACK that goes back", ack_frame(echoed) + ack_frame(3),
         "ACK frame: offset 3 goes back from 5"},
        {"ACK of stdin", ack_frame(0, 0), stream},
        {"ACK of stream 3", ack_frame(0, 3), stream},
        {"ACK of no stream", ack_frame(0, no_stream), stream},
        {"ACK of nothing", frame_text(FrameType::ack, 1, echoed, ""), "not valid JSON"},
        {"ACK without a window", frame_text(FrameType::ack, 1, echoed, "{}"),
         "$.window: is missing"},
        {"ACK of a negative window", frame_text(FrameType::ack, 1, echoed, R"({"window": -1})"),
         "$.window"},
        {"ACK that is too deep", frame_text(FrameType::ack, 1, echoed, std::string(60'000, '[')),
         "too deep"},
        {"ACK with two windows", frame_text(FrameType::ack, 1, 0, R"({"window": 1, "window": 2})"),
         "a member comes twice"},
    };
}

std::vector<BadFrame> bad_controls() {
    const std::string signal = "$.signal: must be a whole number from 1 to 64";
    const std::string rows = "$.rows: must be a whole number from 1 to 65535";
    return {
        {"SIGNAL 0", control_frame(FrameType::signal, R"({"signal": 0})"), signal},
        {"SIGNAL 65", control_frame(FrameType::signal, R"({"signal": 65})"), signal},
        {"SIGNAL 2^64", control_frame(FrameType::signal, R"({"signal": 18446744073709551616})"),
         signal},
        {"SIGNAL by name", control_frame(FrameType::signal, R"({"signal": "KILL"})"), signal},
        {"SIGNAL of nothing", control_frame(FrameType::signal, "{}"), "$.signal: is missing"},
        {"SIGNAL that is a list", control_frame(FrameType::signal, "[9]"), "$: must be an object"},
        {"SIGNAL that is no UTF-8", control_frame(FrameType::signal, "{\"signal\": \"\xff\"}"),
         "not valid JSON"},
        {"RESIZE to nothing", control_frame(FrameType::resize, R"({"rows": 0, "columns": 0})"),
         rows},
        {"RESIZE that is too large",
         control_frame(FrameType::resize, R"({"rows": 65536, "columns": 1})"), rows},
        {"RESIZE of half a size", control_frame(FrameType::resize, R"({"rows": 1})"), "$.columns"},
        {"RESIZE that is not JSON", control_frame(FrameType::resize, "80x24"), "not valid JSON"},
    };
}

/// What means nothing on an exec stream, and does no harm.
std::vector<BadFrame> skipped_frames() {
    std::vector<BadFrame> frames{
        {"an unknown type of 64 KiB", control_frame(FrameType{201}, std::string(65536, 'x')), ""},
        {"an unknown type of no bytes", control_frame(FrameType{0}, ""), ""},
        {"an unknown type for stream 77", frame_text(FrameType{99}, 77, UINT64_MAX, "?"), ""},
        {"RESIZE without a terminal",
         control_frame(FrameType::resize, R"({"rows": 1, "columns": 1})"), ""},
        {"DATA of no bytes", data_frame(echoed, ""), ""},
        {"ACK that takes the window back",
         frame_text(FrameType::ack, 1, echoed, R"({"window": 0, "later": {}})"), ""},
        {"ACK twice", ack_frame(echoed) + ack_frame(echoed), ""},
        {"unknown flags",
         proto::encode({.type = FrameType::ack, .stream = 1, .flags = 0xffff, .offset = echoed},
                       R"({"window": 65536})"),
         ""},
        {"PING of 64 KiB", control_frame(FrameType::ping, std::string(65536, 'x')), ""},
    };
    for (const FrameType type : {FrameType::hello, FrameType::welcome, FrameType::dropped,
                                 FrameType::started, FrameType::exit, FrameType::event,
                                 FrameType::pong, FrameType::hello_ack, FrameType::confirm})
        frames.push_back({fmt::format("{} from a client", proto::name(type)),
                          control_frame(type, "rubbish"), ""});
    return frames;
}

} // namespace

const std::vector<BadFrame>& hostile_frames() {
    static const std::vector<BadFrame> rows = [] {
        std::vector<BadFrame> all = bad_data();
        for (const auto& more : {bad_acks(), bad_controls(), skipped_frames()})
            all.insert(all.end(), more.begin(), more.end());
        all.push_back({"DATA behind EOS", end_frame(echoed) + data_frame(echoed, "x"),
                       "DATA frame: comes after the end of its stream"});
        all.push_back(
            {"EOS twice", end_frame(echoed) + end_frame(echoed), "EOS frame: comes twice"});
        return all;
    }();
    return rows;
}

} // namespace rouse::test
