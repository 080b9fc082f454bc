#pragma once
// A link that is read all the time. A guest whose timer fired late asks whether its host is there
// (PING), and takes one that is silent for lost: what a test does meanwhile must not look so.

#include "tests/support/frames.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

namespace rouse::test {

class KeptLink {
public:
    /// Takes a link that is confirmed.
    explicit KeptLink(FrameConnection link);
    KeptLink(const KeptLink&) = delete;
    KeptLink& operator=(const KeptLink&) = delete;
    KeptLink(KeptLink&&) = delete;
    KeptLink& operator=(KeptLink&&) = delete;
    /// Ends the link.
    ~KeptLink();

    /// The next frame that is no PING, which has to be of this type. Throws std::runtime_error
    /// after `limit`, when it is of another type, and when the link has ended.
    [[nodiscard]] proto::Frame expect(proto::FrameType type,
                                      std::chrono::milliseconds limit = patience);

private:
    void run();
    [[nodiscard]] bool take_frame();

    FrameConnection link_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<proto::Frame> frames_;
    std::string ended_; ///< why; empty while the link is there
    std::thread thread_;
};

} // namespace rouse::test
