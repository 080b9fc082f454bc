#include "tests/support/bad_input.hpp"

#include "proto/limits.hpp"
#include "tests/support/frames.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <stdexcept>
#include <utility>

namespace rouse::test {
namespace {

namespace limits = proto::limits;
using proto::FrameType;

constexpr std::string_view greeting = "hello";

} // namespace

std::string frame_head(FrameType type, std::uint8_t stream, std::uint32_t length,
                       std::uint64_t offset) {
    const auto bytes = proto::encode(
        proto::FrameHeader{.type = type, .stream = stream, .length = length, .offset = offset});
    return {bytes.data(), bytes.size()};
}

std::string frame_text(FrameType type, std::uint8_t stream, std::uint64_t offset,
                       std::string_view payload) {
    return proto::encode({.type = type, .stream = stream, .offset = offset}, payload);
}

const std::vector<BadRequest>& bad_requests() {
    static const std::string megabyte(1U << 20U, 'x');
    static const std::vector<BadRequest> requests{
        {"a header of 1 MiB",
         fmt::format("GET /v1/status HTTP/1.1\r\nHost: guest\r\nX-Long: {}\r\n\r\n", megabyte), 431,
         "header_too_large: the header is above 16 KiB"},
        {"a target of 1 MiB", fmt::format("GET /{} HTTP/1.1\r\nHost: guest\r\n\r\n", megabyte), 431,
         "header_too_large: the header is above 16 KiB"},
        {"a body that is too large", request_text("POST", "/v1/exec", megabyte + megabyte), 413,
         "body_too_large: the body is above 1 MiB"},
        {"no HTTP at all", std::string("\x00\x01\x02\xff\xfe\r\n\r\n", 9), 400, "bad method"},
        {"a frame instead of a request", frame_head(FrameType::data, 1, 5) + "hello", 400,
         "bad method"},
        {"a body that is not JSON", request_text("POST", "/v1/exec", "{\"argv\": ["), 400,
         "not valid JSON at byte 10: incomplete JSON"},
        {"a body with an unknown member",
         request_text("POST", "/v1/exec", R"({"argv": ["true"], "frobnicate": 1})"), 400,
         "$.frobnicate"},
        {"a command that is no list", request_text("POST", "/v1/exec", R"({"argv": "true"})"), 400,
         "$.argv: must be an array of strings"},
        {"an unknown path", request_text("GET", "/v1/nothing"), 404, "there is no /v1/nothing"},
        {"a wrong method", request_text("DELETE", "/v1/status"), 405, "allowed: GET"},
        {"half a request line", "POST /v1/ex", 408, "the request did not arrive in time",
         limits::header_read + bad_input_slack},
        {"half a header", "GET /v1/status HTTP/1.1\r\nHost: gu", 408,
         "the request did not arrive in time", limits::header_read + bad_input_slack},
        {"half a body",
         "POST /v1/exec HTTP/1.1\r\nHost: guest\r\nContent-Length: 100\r\n\r\n{\"argv\":", 408,
         "the request did not arrive in time", limits::body_read + bad_input_slack},
    };
    return requests;
}

const std::vector<BadFrame>& bad_frames() {
    constexpr auto data_limit = static_cast<std::uint32_t>(limits::data_frame);
    constexpr auto control_limit = static_cast<std::uint32_t>(limits::control_frame);
    static const std::vector<BadFrame> frames{
        {"DATA one byte too long", frame_head(FrameType::data, 0, data_limit + 1),
         "DATA frame: length 28673 is above the limit of 28672"},
        {"DATA of 4 GiB", frame_head(FrameType::data, 0, UINT32_MAX),
         "DATA frame: length 4294967295 is above the limit of 28672"},
        {"a control frame one byte too long", frame_head(FrameType::signal, 255, control_limit + 1),
         "SIGNAL frame: length 65537 is above the limit of 65536"},
        {"an unknown type that is too long", frame_head(FrameType{200}, 255, control_limit + 1),
         "unknown frame: length 65537 is above the limit of 65536"},
        {"DATA that leaves a gap", frame_head(FrameType::data, 0, 5, 1000) + "hello",
         "DATA frame: offset 1000 does not follow 5"},
        {"SIGNAL that is not JSON", frame_head(FrameType::signal, 255, 4) + "kill",
         "not valid JSON"},
        {"an unknown type", frame_text(FrameType{200}, 255, 0, "from the future"), ""},
    };
    return frames;
}

std::string wrong_answer(std::string_view text, int status, std::string_view says) {
    const auto at = text.rfind("HTTP/1.1 ");
    const auto body = text.find("\r\n\r\n", std::min(at, text.size()));
    if (at == std::string_view::npos || body == std::string_view::npos)
        return fmt::format("answered '{}'", text);
    if (!text.substr(at + 9).starts_with(fmt::format("{} ", status)))
        return fmt::format("answered {}, not {}", text, status);
    const auto document = proto::parse_json(text.substr(body + 4));
    if (!document) return fmt::format("answered {}, which is no document", text);
    const std::string said =
        text_at(*document, "/error/kind") + ": " + text_at(*document, "/error/message");
    return said.find(says) != std::string::npos ? ""
                                                : fmt::format("said '{}', not '{}'", said, says);
}

namespace {

std::string outcome(const Endpoint& endpoint, const BadRequest& request, LastWords words) {
    const lab::Deadline deadline(request.limit);
    Connection connection = endpoint.connect();
    // A refusal may come before the last byte was sent.
    (void)connection.send(request.bytes, request.limit);
    std::string answer;
    while (const auto more = connection.receive(deadline.left()))
        answer += *more;
    if (answer.empty() && words == LastWords::may_be_lost) return {};
    return wrong_answer(answer, request.status, request.says);
}

/// Sends `text` behind `offset` bytes and waits until it has come back.
void echo(FrameConnection& stream, std::string_view text, std::uint64_t offset) {
    stream.send({.type = FrameType::data, .stream = proto::stream_id::in, .offset = offset}, text);
    for (std::uint64_t back = 0; back < text.size();) {
        const auto frame = stream.receive(bad_input_slack);
        if (!frame) throw std::runtime_error("the stream has ended");
        if (frame->header.type == FrameType::error) throw std::runtime_error(frame->payload);
        if (frame->header.type == FrameType::data) back += frame->payload.size();
    }
}

/// The message of the ERROR that ends the stream; empty without one.
std::string read_error(FrameConnection& stream) {
    const lab::Deadline deadline(bad_input_slack);
    std::string message;
    while (const auto frame = stream.receive(deadline.left()))
        if (frame->header.type == FrameType::error)
            message = text_at(proto::parse_json(frame->payload).value(), "/message");
    return message;
}

std::string outcome(const Endpoint& endpoint, const BadFrame& bad, LastWords words) {
    proto::ExecRequest request;
    request.command.argv = {"cat"};
    request.session.reattach_grace = std::chrono::milliseconds(0);
    FrameConnection stream = FrameConnection::exec(endpoint, request);
    echo(stream, greeting, 0);
    (void)stream.connection().send(bad.bytes); // the end shows when we read
    if (bad.says.empty()) {
        echo(stream, greeting, greeting.size());
        return {};
    }
    if (words == LastWords::may_be_lost)
        return stream.connection().ends_within(bad_input_slack) ? "" : "the stream goes on";
    const std::string said = read_error(stream);
    if (said.find(bad.says) != std::string::npos) return {};
    return fmt::format("ended with '{}', not '{}'", said, bad.says);
}

template <typename Bad>
std::function<std::string()> check_of(const Endpoint& endpoint, const Bad& bad, LastWords words) {
    return [&endpoint, &bad, words]() -> std::string {
        try {
            const std::string wrong = outcome(endpoint, bad, words);
            return wrong.empty() ? wrong : fmt::format("{}: {}", bad.name, wrong);
        } catch (const std::runtime_error& problem) {
            return fmt::format("{}: {}", bad.name, problem.what());
        }
    };
}

} // namespace

std::vector<std::string> all_at_once(const std::vector<std::function<std::string()>>& checks) {
    std::vector<std::future<std::string>> started;
    for (const auto& check : checks)
        started.push_back(std::async(std::launch::async, check));
    std::vector<std::string> found;
    for (auto& one : started)
        if (std::string complaint = one.get(); !complaint.empty())
            found.push_back(std::move(complaint));
    return found;
}

std::vector<std::string> complaints(const Endpoint& endpoint,
                                    const std::vector<BadRequest>& requests,
                                    const std::vector<BadFrame>& frames, LastWords words) {
    std::vector<std::function<std::string()>> checks;
    for (const BadRequest& request : requests)
        checks.push_back(check_of(endpoint, request, words));
    for (const BadFrame& frame : frames)
        checks.push_back(check_of(endpoint, frame, words));
    return all_at_once(checks);
}

} // namespace rouse::test
