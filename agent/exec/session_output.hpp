#pragma once
// One output of a session: what is kept of it, what its controller has acknowledged, and how many
// bytes the process may write before it waits.

#include "agent/exec/kept_bytes.hpp"
#include "proto/output.hpp"

#include <optional>

namespace rouse::exec {

/// Pure. The newest `limit` bytes stay, acknowledged or not, for whoever attaches later.
class SessionOutput {
public:
    enum class Keep {
        hold,  ///< the process waits for the controller: nothing unacknowledged is lost
        tail,  ///< nobody is waited for: the oldest bytes are lost
        first, ///< a plain exec: what is beyond the limit is counted and lost
    };

    SessionOutput(Keep keep, std::size_t limit) : keep_(keep), limit_(limit) {}

    /// Between hold and tail.
    void set_keep(Keep keep) { keep_ = keep; }

    /// How many bytes may be read from the process now.
    [[nodiscard]] std::size_t room() const;
    /// At most room() bytes that the process has written.
    void append(std::string_view bytes);
    /// A controller begins at `offset`: it has what is before, also when the ACK that said so was
    /// lost, and nothing behind, also when the one before it had.
    void begin_at(std::uint64_t offset);
    /// The controller has everything before `offset`.
    void release(std::uint64_t offset);
    /// Gives up what need not be kept, since memory is short, and keeps less from now on.
    void squeeze();
    /// There are no more bytes.
    void end(proto::EndOfStream::How how);

    [[nodiscard]] const KeptBytes& kept() const { return kept_; }
    /// Bytes that nobody had acknowledged when they were given up.
    [[nodiscard]] std::uint64_t lost() const { return lost_; }
    /// Bytes beyond the limit of a plain exec.
    [[nodiscard]] std::uint64_t truncated() const { return truncated_; }
    /// All bytes that came from the process.
    [[nodiscard]] std::uint64_t taken() const { return kept_.next() + truncated_; }
    [[nodiscard]] const std::optional<proto::EndOfStream::How>& ended() const { return ended_; }

private:
    void trim_to(std::size_t size);

    Keep keep_;
    std::size_t limit_;
    KeptBytes kept_;
    std::uint64_t released_ = 0;
    std::uint64_t lost_ = 0;
    std::uint64_t truncated_ = 0;
    std::optional<proto::EndOfStream::How> ended_;
};

} // namespace rouse::exec
