#include "tests/support/bad_input.hpp"

#include "proto/limits.hpp"
#include "tests/support/frames.hpp"

#include <fmt/format.h>

#include <future>
#include <stdexcept>

namespace rouse::test {
namespace {

namespace limits = proto::limits;
using proto::FrameType;

// A guest may be emulated on a busy machine: its deadlines come late, but they come.
constexpr std::chrono::milliseconds slack = std::chrono::seconds(8);
constexpr std::chrono::milliseconds at_once = slack;

std::string header_of(FrameType type, std::uint8_t stream, std::uint32_t length,
                      std::uint64_t offset = 0) {
    const auto bytes = proto::encode(
        proto::FrameHeader{.type = type, .stream = stream, .length = length, .offset = offset});
    return {bytes.data(), bytes.size()};
}

} // namespace

const std::vector<BadRequest>& bad_requests() {
    static const std::string megabyte(1U << 20U, 'x');
    static const std::vector<BadRequest> requests{
        {"a header of 1 MiB",
         fmt::format("GET /v1/status HTTP/1.1\r\nHost: guest\r\nX-Long: {}\r\n\r\n", megabyte),
         at_once},
        {"a target of 1 MiB", fmt::format("GET /{} HTTP/1.1\r\nHost: guest\r\n\r\n", megabyte),
         at_once},
        {"a body that is too large", request_text("POST", "/v1/exec", megabyte + megabyte),
         at_once},
        {"no HTTP at all", std::string("\x00\x01\x02\xff\xfe\r\n\r\n", 9), at_once},
        {"a frame instead of a request", header_of(FrameType::data, 1, 5) + "hello",
         limits::header_read + slack},
        {"a body that is not JSON", request_text("POST", "/v1/exec", "{\"argv\": ["), at_once},
        {"a body with an unknown member",
         request_text("POST", "/v1/exec", R"({"argv": ["true"], "frobnicate": 1})"), at_once},
        {"a command that is no list", request_text("POST", "/v1/exec", R"({"argv": "true"})"),
         at_once},
        {"an unknown path", request_text("GET", "/v1/nothing"), at_once},
        {"a wrong method", request_text("DELETE", "/v1/status"), at_once},
        {"half a request line", "POST /v1/ex", limits::header_read + slack},
        {"half a header", "GET /v1/status HTTP/1.1\r\nHost: gu", limits::header_read + slack},
        {"half a body",
         "POST /v1/exec HTTP/1.1\r\nHost: guest\r\nContent-Length: 100\r\n\r\n{\"argv\":",
         limits::body_read + slack},
    };
    return requests;
}

const std::vector<BadFrame>& bad_frames() {
    constexpr auto data_limit = static_cast<std::uint32_t>(limits::data_frame);
    constexpr auto control_limit = static_cast<std::uint32_t>(limits::control_frame);
    static const std::vector<BadFrame> frames{
        {"DATA one byte too long", header_of(FrameType::data, 0, data_limit + 1)},
        {"DATA of 4 GiB", header_of(FrameType::data, 0, UINT32_MAX)},
        {"a control frame one byte too long", header_of(FrameType::signal, 255, control_limit + 1)},
        {"an unknown type that is too long", header_of(FrameType{200}, 255, control_limit + 1)},
        {"DATA that leaves a gap", header_of(FrameType::data, 0, 5, 1000) + "hello"},
        {"SIGNAL that is not JSON", header_of(FrameType::signal, 255, 4) + "kill"},
    };
    return frames;
}

namespace {

/// How an agent took it: empty when it refused in time, otherwise what happened.
std::string outcome(const Endpoint& endpoint, const BadRequest& request) {
    const lab::Deadline deadline(request.limit);
    try {
        Connection connection = endpoint.connect();
        // A refusal may come before the last byte was sent.
        (void)connection.send(request.bytes, request.limit);
        std::string answer;
        while (const auto more = connection.receive(deadline.left()))
            answer += *more;
        if (answer.empty() || answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.1 5"))
            return {};
        return fmt::format("{}: answered {}", request.name, answer);
    } catch (const std::runtime_error& problem) {
        return fmt::format("{}: {}", request.name, problem.what());
    }
}

std::string outcome(const Endpoint& endpoint, const BadFrame& frame) {
    try {
        proto::ExecRequest request;
        request.command.argv = {"cat"};
        FrameConnection stream = FrameConnection::exec(endpoint, request);
        (void)stream.expect(FrameType::started);
        (void)stream.connection().send(frame.bytes); // the end shows when we read
        if (stream.connection().ends_within(at_once)) return {};
        return fmt::format("{}: the stream goes on", frame.name);
    } catch (const std::runtime_error& problem) {
        return fmt::format("{}: {}", frame.name, problem.what());
    }
}

template <typename Bad>
void start_all(const Endpoint& endpoint, const std::vector<Bad>& all,
               std::vector<std::future<std::string>>& started) {
    for (const Bad& bad : all)
        started.push_back(
            std::async(std::launch::async, [&endpoint, &bad] { return outcome(endpoint, bad); }));
}

} // namespace

std::vector<std::string> complaints(const Endpoint& endpoint) {
    std::vector<std::future<std::string>> started;
    start_all(endpoint, bad_requests(), started);
    start_all(endpoint, bad_frames(), started);
    std::vector<std::string> found;
    for (auto& one : started)
        if (std::string complaint = one.get(); !complaint.empty())
            found.push_back(std::move(complaint));
    return found;
}

} // namespace rouse::test
