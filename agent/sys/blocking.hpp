#pragma once
// Calls that may block in the kernel (sync, freeze, mount, cgroup memory writes, slow disks), on a
// few threads beside the loop.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

namespace rouse::sys {

/// Used from one thread; the calls run on others, which take no signals. A thread is started when
/// one is needed and then stays. A call that never returns keeps its thread: it cannot be ended,
/// only given up, so the number of threads bounds how many of them can hang.
class BlockingCalls {
public:
    /// What is handed back once a call has returned: runs on the worker, must not block nor throw.
    using Deliver = std::function<void()>;
    /// Runs on a worker. Owns all that it uses, since nobody may be waiting any more when it ends;
    /// throws nothing that anybody is told of.
    using Call = std::function<Deliver()>;

    static constexpr std::size_t most_threads = 4;

    struct Counters {
        std::size_t threads = 0;     ///< started so far; none of them ends
        std::size_t running = 0;     ///< in the kernel now, those that were given up included
        std::size_t queued = 0;      ///< wait for a thread
        std::uint64_t given_up = 0;  ///< ever
        std::uint64_t completed = 0; ///< ever
    };

    /// A call that was queued. Copies stand for the same one; outlives the object, harmlessly.
    class Ticket;

    BlockingCalls();
    BlockingCalls(const BlockingCalls&) = delete;
    BlockingCalls& operator=(const BlockingCalls&) = delete;
    BlockingCalls(BlockingCalls&&) = delete;
    BlockingCalls& operator=(BlockingCalls&&) = delete;
    /// Nothing is delivered afterwards. Waits for no call: what hangs is left behind.
    ~BlockingCalls();

    /// Queues the call. Errors: none; when no thread can be started and none is there, the call
    /// waits for the next one that tries.
    Ticket run(Call call);

    [[nodiscard]] Counters counters() const;

private:
    struct State;

    std::shared_ptr<State> state_; ///< shared with the threads, one of which may outlive us
};

class BlockingCalls::Ticket {
public:
    /// A call that has not begun never will; one that runs is counted as given up. Either way its
    /// end interests nobody any more.
    void give_up() const;

private:
    friend class BlockingCalls;

    Ticket(std::weak_ptr<State> state, std::uint64_t number)
        : state_(std::move(state)), number_(number) {}

    std::weak_ptr<State> state_;
    std::uint64_t number_;
};

} // namespace rouse::sys
