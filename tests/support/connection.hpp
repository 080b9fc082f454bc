#pragma once
// One connection of a test: blocking calls, each with a deadline of its own, so that whatever a
// peer does a test ends.

#include "tools/lab/descriptor.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace rouse::test {

/// How long a test waits for something that should be there at once. Generous: guests may run in
/// emulation on a busy machine.
constexpr std::chrono::milliseconds patience = std::chrono::seconds(30);

/// Owns a stream socket. Errors of the system that are not the peer's end: std::runtime_error.
class Connection {
public:
    explicit Connection(lab::Descriptor socket) : socket_(std::move(socket)) {}

    /// Sends all bytes. False when the peer is gone. Throws std::runtime_error after `limit`.
    [[nodiscard]] bool send(std::string_view bytes, std::chrono::milliseconds limit = patience);

    /// What has arrived, at least a byte; nothing at the end of the stream or when the peer reset
    /// the connection. Throws std::runtime_error after `limit`.
    [[nodiscard]] std::optional<std::string> receive(std::chrono::milliseconds limit = patience);

    /// Reads and drops until the peer ends the connection, for at most `limit`; whether it did.
    [[nodiscard]] bool ends_within(std::chrono::milliseconds limit);

    /// Borrowed.
    [[nodiscard]] int descriptor() const { return socket_.get(); }

    void close() { socket_.reset(); }

private:
    lab::Descriptor socket_;
};

} // namespace rouse::test
