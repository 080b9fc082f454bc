#pragma once
// What the tests of exec sessions share.

#include "tests/process/agent.hpp"
#include "tests/support/frames.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace rouse::test {

/// A workload that leaves the agent to the tests of exec.
[[nodiscard]] std::vector<std::string> idle_workload();

/// `id` may be empty: the guest makes one.
[[nodiscard]] proto::ExecRequest exec_request(std::vector<std::string> argv, std::string id = {});
[[nodiscard]] proto::ExecRequest shell_request(const std::string& script, std::string id = {});
[[nodiscard]] std::string body_of(const proto::ExecRequest& request);

/// What a client asks for by POST /v1/exec, as in proto/README.md.
enum class ExecForm { plain, detached, stream };

/// The whole request, for a connection that ends after the answer.
[[nodiscard]] std::string exec_text(proto::ExecRequest request, ExecForm form);

/// Sends requests, up to `width` at once, each on a connection of its own; answers in their order.
[[nodiscard]] std::vector<HttpAnswer>
ask_all(const Endpoint& endpoint, const std::vector<std::string>& requests, std::size_t width);

/// Runs streams, up to `width` at once; results in the order of the requests.
[[nodiscard]] std::vector<StreamedExec> run_streams(const Endpoint& endpoint,
                                                    const std::vector<proto::ExecRequest>& requests,
                                                    std::size_t width);

/// What the agent says of a session. Throws std::runtime_error when there is none.
[[nodiscard]] proto::SessionDocument session_of(const Endpoint& endpoint, const std::string& id);

/// The next frame of a type; what comes before it is dropped. Throws like receive().
[[nodiscard]] proto::Frame await_frame(FrameConnection& stream, proto::FrameType type,
                                       std::chrono::milliseconds limit = patience);

/// Of the process in a STARTED frame that comes now.
[[nodiscard]] pid_t started_pid(FrameConnection& stream);

/// Acknowledges everything of an output before `offset`.
bool acknowledge(FrameConnection& stream, std::uint8_t output, std::uint64_t offset,
                 bool end = false);

/// The number that a text begins with, after blanks. Throws std::runtime_error when it does not.
[[nodiscard]] std::uint64_t leading_number(std::string_view text);

/// All of a file; empty when there is none.
[[nodiscard]] std::string text_of(const std::filesystem::path& file);

} // namespace rouse::test
