#pragma once
// Where an agent is reached, and its HTTP interface as a test uses it: one request, one connection.

#include "proto/exec.hpp"
#include "proto/restore.hpp"
#include "tests/support/connection.hpp"
#include "tests/support/wait.hpp"

#include <boost/json.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace rouse::test {

struct HttpAnswer {
    int status = 0;
    std::string head; ///< status line and fields
    std::string body;
};

/// A value.
class Endpoint {
public:
    /// A guest: "unix:PATH" is a hybrid socket, "vsock:CID" needs AF_VSOCK.
    [[nodiscard]] static Endpoint guest(std::string target) { return {std::move(target), true}; }

    /// An agent that listens on a Unix socket itself: `rouse run --socket`.
    [[nodiscard]] static Endpoint plain(const std::filesystem::path& socket) {
        return {"unix:" + socket.string(), false};
    }

    /// As rousectl's -H takes it.
    [[nodiscard]] const std::string& target() const { return target_; }

    /// Connects to the exec port; one try. Throws std::runtime_error when it does not succeed.
    [[nodiscard]] Connection connect() const;

private:
    Endpoint(std::string target, bool behind_vsock)
        : target_(std::move(target)), behind_vsock_(behind_vsock) {}

    std::string target_;
    bool behind_vsock_;
};

/// A request with everything it needs, for a connection that ends after the answer.
[[nodiscard]] std::string request_text(std::string_view method, std::string_view path,
                                       std::string_view body = {}, std::string_view fields = {});

/// Reads one answer with its body. Throws std::runtime_error when none comes within `limit`.
[[nodiscard]] HttpAnswer read_answer(Connection& connection,
                                     std::chrono::milliseconds limit = patience);

/// One request on a connection of its own.
[[nodiscard]] HttpAnswer ask(const Endpoint& endpoint, std::string_view method,
                             std::string_view path, std::string_view body = {},
                             std::chrono::milliseconds limit = patience);

/// GET /v1/status. Throws std::runtime_error when it is not answered with 200 and JSON.
[[nodiscard]] boost::json::value status(const Endpoint& endpoint);

/// The number at a JSON pointer. Throws std::runtime_error that shows the document.
[[nodiscard]] std::uint64_t number_at(const boost::json::value& document, std::string_view pointer);

/// The text at a JSON pointer. Throws like number_at.
[[nodiscard]] std::string text_at(const boost::json::value& document, std::string_view pointer);

/// Runs a command by POST /v1/exec. Throws std::runtime_error for any other answer than a result.
[[nodiscard]] proto::ExecResult exec(const Endpoint& endpoint, std::vector<std::string> argv,
                                     std::string user = {});

/// Runs commands, up to `width` at once; results in the order of the commands.
[[nodiscard]] std::vector<proto::ExecResult>
exec_all(const Endpoint& endpoint, const std::vector<std::vector<std::string>>& commands,
         std::size_t width);

/// Waits until `condition(status)` holds. Throws std::runtime_error with the last status.
template <typename Condition>
void wait_status(const Endpoint& endpoint, Condition condition,
                 std::chrono::milliseconds limit = patience) {
    boost::json::value last;
    wait_until(
        [&] {
            last = status(endpoint);
            return condition(last);
        },
        [&] { return boost::json::serialize(last); }, limit);
}

/// Waits until the workload is held in the middle of a write to stdout (`stream` 0) or stderr (1),
/// since its host has stopped reading: full are the socket, the agent's pipes and the workload's.
void wait_held(const Endpoint& endpoint, unsigned stream);

/// Waits until the agent's console has refused a line from now on: it is full.
void wait_log_dropped(const Endpoint& endpoint);

} // namespace rouse::test
