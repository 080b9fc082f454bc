#pragma once
// What no client should send, and whether an agent got rid of it in time and said why.

#include "proto/frame.hpp"
#include "tests/support/endpoint.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace rouse::test {

/// What is refused at once may take this long. A guest may be emulated on a busy machine: its
/// deadlines come late, but they come.
constexpr std::chrono::milliseconds bad_input_slack = std::chrono::seconds(8);

/// Bytes on the exec port; the connection is to end with this answer, the last one where there are
/// several.
struct BadRequest {
    std::string name;
    std::string bytes;
    int status = 400;
    std::string says; ///< is part of the answer's "kind: message"
    std::chrono::milliseconds limit = bad_input_slack;
};

/// Malformed, too large and half-sent requests, some of each kind.
[[nodiscard]] const std::vector<BadRequest>& bad_requests();

/// Frames on an exec stream whose command echoes, and has echoed five bytes.
struct BadFrame {
    std::string name;
    std::string bytes;
    std::string says; ///< is part of the ERROR that ends the stream; empty: skipped, and it goes on
};

/// Frames that a host may not send on an exec stream, some of each kind.
[[nodiscard]] const std::vector<BadFrame>& bad_frames();

/// The header of a frame that announces `length` bytes.
[[nodiscard]] std::string frame_head(proto::FrameType type, std::uint8_t stream,
                                     std::uint32_t length, std::uint64_t offset = 0);
/// A whole frame.
[[nodiscard]] std::string frame_text(proto::FrameType type, std::uint8_t stream,
                                     std::uint64_t offset, std::string_view payload);

/// Whether an agent's last words have to arrive: a hypervisor may lose them with the connection.
enum class LastWords { certain, may_be_lost };

/// Sends all of it, each on a connection of its own, and all at once. What went wrong, a line each:
/// those that were not refused as they should be, or not in time.
[[nodiscard]] std::vector<std::string> complaints(const Endpoint& endpoint,
                                                  const std::vector<BadRequest>& requests,
                                                  const std::vector<BadFrame>& frames,
                                                  LastWords words);

/// Runs them all at once, each in a thread of its own; what is not empty, in their order.
[[nodiscard]] std::vector<std::string>
all_at_once(const std::vector<std::function<std::string()>>& checks);

/// What is wrong with the last answer in `text`, when it should be this one; empty: nothing.
[[nodiscard]] std::string wrong_answer(std::string_view text, int status, std::string_view says);

} // namespace rouse::test
