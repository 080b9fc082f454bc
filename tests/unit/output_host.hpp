// A scripted host for the output port: it does nothing by itself, the test says each step.
#pragma once

#include "agent/sys/unique_fd.hpp"
#include "proto/frame_decoder.hpp"
#include "proto/link.hpp"
#include "proto/output.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rouse::test {

/// One accepted connection.
struct HostConnection {
    sys::UniqueFd socket;
    proto::FrameDecoder decoder{64 * 1024};
    std::optional<proto::OutputHello> hello;
    bool welcomed = false;
    bool closed = false;                       ///< the guest hung up
    bool said_end = false;                     ///< EOS came on this connection
    std::size_t frames = 0;                    ///< DATA frames that came
    std::size_t largest_frame = 0;             ///< DATA payload
    std::uint64_t dropped = 0;                 ///< bytes that DROPPED frames named
    std::uint64_t from = 0;                    ///< where the welcome let it begin
    std::uint64_t next_offset = 0;             ///< behind the last byte that came here
    std::optional<proto::ErrorDocument> error; ///< ERROR that came
};

/// What the host has of one stream, over all connections.
struct HostStream {
    std::string bytes;                                         ///< zeros where it has a gap
    std::vector<std::pair<std::uint64_t, std::uint64_t>> gaps; ///< offset and count, marked in band
    std::optional<proto::EndOfStream> end;
    std::string problem; ///< a gap that is not marked, or bytes that changed in a replay

    /// Bytes that are marked as lost.
    [[nodiscard]] std::uint64_t lost() const;
    /// Whether it is `written`, but for what is marked.
    [[nodiscard]] bool is(std::string written) const;
};

class OutputHost {
public:
    explicit OutputHost(std::filesystem::path path);
    ~OutputHost();
    OutputHost(const OutputHost&) = delete;
    OutputHost& operator=(const OutputHost&) = delete;

    /// Accepts what waits.
    void accept_waiting();
    /// Reads at most `bytes` of one connection and takes its frames in.
    void read(HostConnection& connection, std::size_t bytes);
    /// Accepts, and reads everything that waits.
    void read_all();
    /// Answers the hello.
    void welcome(HostConnection& connection, const proto::OutputWelcome& answer);
    /// How far this connection may be acknowledged: what it was sent, and nothing that it still
    /// has to repeat.
    std::uint64_t consumed(const HostConnection& connection);
    /// Acknowledges up to `offset`, or all that is consumed; the end too, if it came here.
    void acknowledge(HostConnection& connection, std::uint64_t window,
                     std::optional<std::uint64_t> offset = {});
    /// Bytes as they are.
    static void send(HostConnection& connection, const std::string& bytes);
    /// The plain host: reads all, welcomes, resumes where it was, acknowledges all.
    void serve();

    /// The newest connection of a stream; null without one.
    HostConnection* newest(const std::string& stream);
    HostStream& stream(const std::string& name) { return streams_[name]; }
    std::vector<std::unique_ptr<HostConnection>> connections;

private:
    void take(HostConnection& connection, const proto::Frame& frame);
    void take_dropped(HostConnection& connection, const proto::Frame& frame);
    void take_data(HostConnection& connection, const proto::Frame& frame);

    std::filesystem::path path_;
    sys::UniqueFd listener_;
    std::map<std::string, HostStream> streams_;
};

} // namespace rouse::test
