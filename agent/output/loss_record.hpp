#pragma once
// What a stream has lost, for counters and events: losses that follow each other for one reason are
// one episode. A pure value.

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>

namespace rouse::output {

enum class LossReason {
    stalled, ///< a host is connected and has released nothing: the newest bytes are lost
    nobody,  ///< nobody is connected: the oldest bytes are lost
    failed,  ///< the kernel could not keep the bytes
};

std::string_view name(LossReason reason);

/// One episode. `count` bytes were lost in it; between them may be others that were lost before.
struct Loss {
    std::uint64_t offset = 0; ///< of the first byte
    std::uint64_t count = 0;
    LossReason reason = LossReason::stalled;

    friend bool operator==(const Loss&, const Loss&) = default;
};

class LossRecord {
public:
    /// `count` bytes are lost, the first of them at `offset`.
    void lose(std::uint64_t offset, std::uint64_t count, LossReason reason);
    /// The episode is over, if there is one.
    void close();
    /// The oldest episode that is over and was not taken yet.
    std::optional<Loss> take();

    /// Bytes lost, ever.
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    /// Episodes, the one that goes on included.
    [[nodiscard]] std::uint64_t episodes() const { return episodes_; }

private:
    std::optional<Loss> open_;
    std::deque<Loss> closed_; ///< taken by the same turn of the loop that closed it
    std::uint64_t bytes_ = 0;
    std::uint64_t episodes_ = 0;
};

} // namespace rouse::output
