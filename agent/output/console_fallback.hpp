#pragma once
// What a person at the console sees of a stream while no host takes it. Pure: says how many bytes
// may be shown, and counts. The rate is bounded, since a console is slow and the workload is not;
// what is too much is not shown, and nothing waits for it. The bytes stay retained for the host.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace rouse::output {

class ConsoleFallback {
public:
    using Clock = std::chrono::steady_clock;

    static constexpr std::size_t burst = 64 * 1024;      ///< bytes at once
    static constexpr std::size_t per_second = 16 * 1024; ///< and in the long run
    /// How often the console is written to.
    static constexpr std::chrono::milliseconds pace{100};

    /// Nobody is there: what is kept, `kept` bytes, is to be shown from its beginning.
    void start(std::size_t kept, Clock::time_point now);
    /// A host is there. Returns whether the console was shown anything until now.
    bool stop() { return std::exchange(active_, false); }
    [[nodiscard]] bool active() const { return active_; }

    /// `bytes` more are kept.
    void add(std::size_t bytes) { waiting_ += active_ ? bytes : 0; }
    [[nodiscard]] bool waiting() const { return active_ && waiting_ > 0; }

    /// Which of the `kept` bytes are due now.
    struct Due {
        std::size_t skip = 0;  ///< bytes at the front that were due before
        std::size_t bytes = 0; ///< to be shown
    };
    Due due(std::size_t kept, Clock::time_point now);
    /// The console took so many of them.
    void shown(std::size_t offered, std::size_t taken);

    /// Bytes that were shown, and that were not, ever.
    [[nodiscard]] std::uint64_t shown_bytes() const { return shown_; }
    [[nodiscard]] std::uint64_t dropped_bytes() const { return dropped_; }

private:
    bool active_ = false;
    std::size_t waiting_ = 0; ///< the last bytes of what is kept: not looked at yet
    std::size_t allowance_ = burst;
    Clock::time_point counted_;
    std::uint64_t shown_ = 0;
    std::uint64_t dropped_ = 0;
};

} // namespace rouse::output
