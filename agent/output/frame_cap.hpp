#pragma once
// How long the frames of a stream may be. The host says so in its welcome; a stall that ended in a
// redial says that the way to the host does not carry what the host allows, and takes one step
// down: 28, 14, 7, 4 KiB. Acknowledged bytes are the proof that the way is sound: after
// `first_proof` of them without a stall the cap takes one step up. A way that fails again right
// after is asked for twice the proof each time, so that a wedge that never heals costs less and
// less.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace rouse::output {

class FrameCap {
public:
    static constexpr std::array<std::size_t, 4> steps = {28 * 1024, 14 * 1024, 7 * 1024, 4 * 1024};
    static constexpr std::uint64_t first_proof = 16 * 1024 * 1024;
    static constexpr std::uint64_t longest_proof = 1024 * 1024 * 1024;

    /// `largest`: bytes of a frame, whatever the host allows.
    explicit FrameCap(std::size_t largest) : largest_(largest), allowed_(steps.front()) {}

    /// The host's word, for this connection.
    void allow(std::uint64_t bytes);
    /// A stalled connection was given up.
    void shrink();
    /// The host has acknowledged `bytes` more.
    void prove(std::uint64_t bytes);

    /// Longest frame now, bytes.
    [[nodiscard]] std::size_t bytes() const;
    [[nodiscard]] bool shrunk() const { return limit_.has_value(); }

private:
    std::size_t largest_;
    std::size_t allowed_;              ///< by the host; what is safe until it has spoken
    std::optional<std::size_t> limit_; ///< by stalls: one of the steps
    std::uint64_t proven_ = 0;         ///< acknowledged since the last step
    std::uint64_t proof_ = first_proof;
    bool raised_ = false; ///< a step was taken up since the last stall
};

} // namespace rouse::output
