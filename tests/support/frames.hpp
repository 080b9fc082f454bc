#pragma once
// Frames over a connection of a test: exec streams, and both ends of link and output.

#include "proto/frame_decoder.hpp"
#include "tests/support/endpoint.hpp"

#include <boost/json/value.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace rouse::test {

class FrameConnection {
public:
    /// `received` came before the first frame was looked for: after an upgrade, the rest of what
    /// was read.
    explicit FrameConnection(Connection connection, std::string_view received = {});

    /// Upgrades a connection to an exec stream. Throws std::runtime_error when that is refused.
    [[nodiscard]] static FrameConnection exec(const Endpoint& endpoint,
                                              const proto::ExecRequest& request);

    /// The same at a session that there is; `request` is an AttachRequest.
    [[nodiscard]] static FrameConnection attach(const Endpoint& endpoint, const std::string& id,
                                                std::string_view request);

    /// The stream on a connection that asked for the upgrade. Throws std::runtime_error when it is
    /// refused.
    [[nodiscard]] static FrameConnection switched(Connection connection);

    /// From here on DATA of up to `bytes` is no error. Not while a frame is half received.
    void allow(std::size_t bytes);

    /// False when the peer is gone.
    bool send(proto::FrameHeader header, std::string_view payload = {});
    bool send(proto::FrameType type, const boost::json::value& document,
              std::uint8_t stream = proto::stream_id::none, std::uint64_t offset = 0);

    /// Says that we are there to who asks by `ping`. False when the peer is gone.
    bool answer_ping(const proto::Frame& ping);

    /// The next frame; nothing at the end of the connection. Throws std::runtime_error after
    /// `limit` and for a frame that the protocol forbids.
    [[nodiscard]] std::optional<proto::Frame> receive(std::chrono::milliseconds limit = patience);

    /// The next frame, which has to be of this type.
    [[nodiscard]] proto::Frame expect(proto::FrameType type,
                                      std::chrono::milliseconds limit = patience);

    [[nodiscard]] Connection& connection() { return connection_; }

private:
    static FrameConnection upgrade(const Endpoint& endpoint, const std::string& path,
                                   std::string_view body);

    Connection connection_;
    proto::FrameDecoder decoder_;
};

/// What an exec stream gave up to its end.
struct StreamedExec {
    std::string out;
    std::string err;
    std::optional<proto::ExitStatus> exit;
    std::optional<proto::SpawnFailure> failure;
    unsigned ends = 0; ///< how many of the two streams ended by EOS
};

/// Sends `input` (at most 64 KiB, the window before the first ACK) and its end, then reads and
/// acknowledges until exit and both ends have come.
[[nodiscard]] StreamedExec run_stream(FrameConnection& stream, std::string_view input = {});

} // namespace rouse::test
