#pragma once
// The probes of a stall matrix: each reads one thing in a thread of its own, again and again, and
// notes how long it was under way.

#include "tests/support/scripted_host.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace rouse::test {

/// One thread measures, another one asks and freezes.
class Prober {
public:
    Prober() = default;
    Prober(const Prober&) = delete;
    Prober& operator=(const Prober&) = delete;
    virtual ~Prober() = default;

    void start() { thread_ = std::thread(&Prober::run, this); }
    /// Ends the thread. Call it before the destruction of a derived class.
    void stop();

    /// Nothing is read from now on; returns when that is so.
    void freeze();
    void thaw();
    [[nodiscard]] bool frozen() const { return frozen_; }

    /// Forgets what was measured.
    void clear();
    [[nodiscard]] std::size_t samples() const;
    /// 99th percentile of what was measured since. Throws std::runtime_error with what went wrong.
    [[nodiscard]] std::chrono::microseconds p99() const;
    /// Whether the last one that was read had been under way for no longer than usual.
    [[nodiscard]] bool up_to_date() const;
    /// Throws std::runtime_error when it could not go on.
    void check() const;

protected:
    using Clock = std::chrono::steady_clock;

    /// Reads once; false when there is nothing more to read.
    virtual bool probe() = 0;
    /// Makes a probe that waits return.
    virtual void interrupt() = 0;
    /// Notes how long something was under way; by which clock is up to the probe, as long as it is
    /// always the same.
    void note(std::chrono::nanoseconds time);
    [[nodiscard]] bool stopping() const { return stopping_; }

private:
    void run();
    bool go_on();

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::chrono::nanoseconds> times_;
    /// The shortest ever: of two clocks, what they differ by and the way at its best.
    std::chrono::nanoseconds shortest_ = std::chrono::nanoseconds::max();
    std::chrono::nanoseconds last_{};
    std::string failure_;
    std::atomic<bool> frozen_ = false;
    std::atomic<bool> stopping_ = false;
    bool resting_ = false;
    std::thread thread_;
};

/// The stamps of a workload's stream.
class OutputProber : public Prober {
public:
    /// Borrows the host.
    OutputProber(ScriptedHost& host, OutputConnection output);
    void churn(bool on) { churning_ = on; }

protected:
    bool probe() override;
    void interrupt() override;

private:
    void take(const proto::Frame& frame);
    void accept_again();

    ScriptedHost& host_;
    OutputConnection output_;
    std::string pending_; ///< the beginning of a block
    std::uint64_t next_ = 0;
    std::atomic<bool> churning_ = false;
    Clock::time_point broken_;
};

/// PING and PONG on the link.
class LinkProber : public Prober {
public:
    explicit LinkProber(FrameConnection& link) : link_(link) {}
    /// While it is frozen: pings whose answers nobody reads.
    void flood();

protected:
    bool probe() override;
    void interrupt() override;

private:
    bool await_pong(const std::string& payload);

    FrameConnection& link_;
    std::uint64_t count_ = 0;
};

/// An exec stream that echoes.
class EchoProber : public Prober {
public:
    explicit EchoProber(FrameConnection stream) : stream_(std::move(stream)) {}

protected:
    bool probe() override;
    void interrupt() override;

private:
    FrameConnection stream_;
    std::uint64_t offset_ = 0;
};

/// Requests on one HTTP connection that stays.
class HttpProber : public Prober {
public:
    explicit HttpProber(const Endpoint& guest) : connection_(guest.connect()) {}

protected:
    bool probe() override;
    void interrupt() override;

private:
    Connection connection_;
};

/// A command from spawn to answer.
class ExecProber : public Prober {
public:
    ExecProber(Endpoint guest, std::string payload)
        : guest_(std::move(guest)), payload_(std::move(payload)) {}

protected:
    bool probe() override;
    void interrupt() override {}

private:
    Endpoint guest_;
    std::string payload_;
};

} // namespace rouse::test
