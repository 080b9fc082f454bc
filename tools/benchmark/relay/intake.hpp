#pragma once
// The receiving end of one relay: counts what came, and lets somebody look at it.

#include "tools/benchmark/relay/frame_scan.hpp"
#include "tools/benchmark/relay/wire.hpp"

#include <chrono>
#include <cstdint>
#include <functional>

namespace rouse::bench {

class Intake {
public:
    using Take = std::function<void(std::string_view bytes)>;

    Intake() : buffer_(buffer_bytes, '\0') {}
    Intake(const Intake&) = delete;
    Intake& operator=(const Intake&) = delete;
    virtual ~Intake() = default;

    /// Waits for bytes of the workload and gives them to `take`, piece by piece.
    /// Errors: std::runtime_error after `deadline`, and when the relay is gone.
    virtual void receive(lab::Deadline deadline, const Take& take) = 0;

    /// Nothing more is expected for a while.
    virtual void settle() {}

protected:
    /// More than a relay sends at once, so that the receiver is never what is waited for.
    static constexpr std::size_t buffer_bytes = std::size_t{256} * 1024;

    std::string buffer_;
};

/// A relay that sends the bytes as they are.
class PlainIntake : public Intake {
public:
    explicit PlainIntake(lab::Descriptor connection) : connection_(std::move(connection)) {}

    void receive(lab::Deadline deadline, const Take& take) override;

private:
    lab::Descriptor connection_;
};

/// The agent's output connections. Acknowledges as proto/README.md wants it: each 256 KiB, after
/// 20 ms, and at once when asked to.
class AgentIntake : public Intake {
public:
    /// How the guest's port of the exec API is reached.
    using Connect = std::function<lab::Descriptor(lab::Deadline deadline)>;

    /// Listens at `socket` with _4001 and _4002 behind it. The agent is started after that.
    explicit AgentIntake(const std::filesystem::path& socket);

    /// Answers the agent's link, and both of its output connections.
    /// Errors: std::runtime_error when that did not happen by the deadline.
    void greet(const Connect& guest, lab::Deadline deadline);

    void receive(lab::Deadline deadline, const Take& take) override;
    void settle() override;

private:
    [[nodiscard]] proto::Frame read_frame(int socket, lab::Deadline deadline);
    void confirm(const Connect& guest, lab::Deadline deadline);
    void welcome(lab::Deadline deadline);
    bool look(const FrameScan::Piece& piece, const Take& take);
    [[nodiscard]] lab::Deadline ack_due() const;

    lab::Descriptor link_listener_;
    lab::Descriptor output_listener_;
    lab::Descriptor link_;
    lab::Descriptor out_;
    lab::Descriptor err_;
    FrameScan scan_;
    std::uint64_t offset_ = 0;
    std::uint64_t acked_ = 0;
    std::chrono::steady_clock::time_point unacked_since_;
};

} // namespace rouse::bench
