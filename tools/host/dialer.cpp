#include "tools/host/dialer.hpp"

#include "tools/host/address.hpp"
#include "tools/host/close_at.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace rouse::host {
namespace {

using namespace std::chrono_literals;

constexpr auto retry_pause = 20ms;
constexpr std::size_t longest_answer = 32;

/// Reads up to the end of the line, byte by byte: what follows belongs to the guest's stream.
/// Returns what came before an error, too.
Awaitable<std::string> read_line(Socket& socket, error_code& error) {
    std::string line;
    while (!line.ends_with('\n') && line.size() < longest_answer) {
        char byte = 0;
        auto done = co_await socket.async_read_some(asio::buffer(&byte, 1), no_throw);
        error = std::get<0>(done);
        if (error) break;
        line.push_back(byte);
    }
    co_return line;
}

/// Errors of connect(2) that pass by themselves: the guest does not listen yet, or answers for a
/// connection that it has not closed yet.
bool passes_by_itself(const error_code& error) {
    return error == asio::error::connection_reset || error == asio::error::try_again;
}

} // namespace

Dialer::Dialer(Executor executor, Target target)
    : executor_(std::move(executor)), target_(std::move(target)) {}

Awaitable<Dialer::Attempt> Dialer::greet(Socket& socket, std::uint32_t port,
                                         std::string& reason) const {
    // One write: Firecracker reads the word and the number at once and drops a split line.
    const std::string line = fmt::format("CONNECT {}\n", port);
    auto written = co_await asio::async_write(socket, asio::buffer(line), no_throw);
    error_code error = std::get<0>(written);
    if (error) {
        reason = error.message();
        co_return Attempt::again;
    }
    const std::string answer = co_await read_line(socket, error);
    if (answer.starts_with("OK ") && answer.ends_with('\n')) co_return Attempt::connected;
    if (answer.starts_with("HTTP/1.")) co_return Attempt::plain;
    if (answer.empty()) {
        reason = fmt::format("port {} was closed without an answer", port);
        co_return Attempt::again;
    }
    reason = fmt::format("answered CONNECT with something else than OK: '{}'", answer);
    co_return Attempt::failed;
}

Awaitable<Dialer::Attempt> Dialer::attempt(Socket& socket, std::uint32_t port,
                                           Clock::time_point deadline, std::string& reason) const {
    const bool vsock = target_.kind == Target::Kind::vsock;
    const Endpoint endpoint =
        vsock ? vsock_endpoint(target_.cid, port) : unix_endpoint(target_.path);
    CloseAt guard(socket, deadline);
    auto connected = co_await socket.async_connect(endpoint, no_throw);
    const error_code error = std::get<0>(connected);
    if (socket.is_open()) close_on_exec(socket.native_handle());
    Attempt result = Attempt::connected;
    if (error) {
        reason = error.message();
        result = passes_by_itself(error) ? Attempt::again : Attempt::failed;
    } else if (!vsock && !plain_) {
        result = co_await greet(socket, port, reason);
    }
    if (guard.expired()) {
        reason = "no answer in time";
        result = Attempt::failed;
    }
    co_return result;
}

Awaitable<Outcome<Socket>> Dialer::connect(std::uint32_t port, Clock::time_point deadline) {
    std::string reason;
    Timer pause(executor_);
    for (;;) {
        // A new socket each time: one that failed to connect keeps its error (FIELD-NOTES 1.4).
        Socket socket(executor_);
        const Attempt result = co_await attempt(socket, port, deadline, reason);
        if (result == Attempt::connected) co_return std::move(socket);
        if (result == Attempt::plain) {
            plain_ = true;
            continue;
        }
        if (result == Attempt::failed || Clock::now() + retry_pause >= deadline) break;
        pause.expires_after(retry_pause);
        (void)co_await pause.async_wait(no_throw); // ends early only when everything is cancelled
    }
    co_return Failure(fmt::format("cannot reach '{}': {}", target_.text(), reason));
}

} // namespace rouse::host
