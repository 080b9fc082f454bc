#pragma once
// Where the collector's files are written: a few threads, so that a slow or full disk holds up the
// stream that waits for it and not the event loop.

#include "tools/host/async.hpp"

#include <boost/asio/thread_pool.hpp>

#include <functional>

namespace rouse::host {

class Disk {
public:
    using Work = std::function<Outcome<>()>;

    Disk() = default;
    Disk(const Disk&) = delete;
    Disk& operator=(const Disk&) = delete;
    /// Waits for what was begun.
    ~Disk() { threads_.join(); }

    /// Runs `work` on one of the threads and returns what it returned. Whatever it refers to lives
    /// until then: the caller waits, and cancelling it does not end work that has begun.
    Awaitable<Outcome<>> run(Work work);

private:
    static constexpr std::size_t most_threads = 8;

    asio::thread_pool threads_{most_threads};
};

} // namespace rouse::host
