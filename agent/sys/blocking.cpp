#include "agent/sys/blocking.hpp"

#include "agent/sys/signals.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace rouse::sys {

namespace {

/// Blocks in this thread, while it lives, what a thread started meanwhile shall not take.
class SignalsOfThreadsBlocked {
public:
    SignalsOfThreadsBlocked() {
        const sigset_t set = all_but_faults();
        (void)::pthread_sigmask(SIG_BLOCK, &set, &before_);
    }
    SignalsOfThreadsBlocked(const SignalsOfThreadsBlocked&) = delete;
    SignalsOfThreadsBlocked& operator=(const SignalsOfThreadsBlocked&) = delete;
    ~SignalsOfThreadsBlocked() { (void)::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_{};
};

BlockingCalls::Deliver made_by(const BlockingCalls::Call& call) {
    try {
        return call();
    } catch (const std::exception&) {
        return {}; // no memory, most likely; whoever waits has a deadline
    }
}

} // namespace

struct BlockingCalls::State {
    struct Queued {
        std::uint64_t number = 0;
        Call call;
    };

    std::mutex mutex;
    std::condition_variable work;
    std::deque<Queued> queue;
    Counters counters;
    std::uint64_t last_number = 0;
    bool stopping = false;

    /// Life of a thread.
    static void serve(const std::shared_ptr<State>& state) {
        std::unique_lock lock(state->mutex);
        for (;;) {
            state->work.wait(lock, [&] { return state->stopping || !state->queue.empty(); });
            if (state->stopping) return;
            Queued next = std::move(state->queue.front());
            state->queue.pop_front();
            ++state->counters.running;
            lock.unlock();
            Deliver deliver = made_by(next.call);
            next.call = nullptr; // what it owns goes without the lock
            lock.lock();
            --state->counters.running;
            ++state->counters.completed;
            // With the lock: after the destructor nothing is delivered.
            if (deliver && !state->stopping) deliver();
            deliver = nullptr;
        }
    }

    [[nodiscard]] bool wants_thread() const {
        return counters.threads < most_threads &&
               counters.running + queue.size() > counters.threads;
    }
};

BlockingCalls::BlockingCalls() : state_(std::make_shared<State>()) {}

BlockingCalls::~BlockingCalls() {
    const std::scoped_lock lock(state_->mutex);
    state_->stopping = true;
    state_->queue.clear();
    state_->work.notify_all();
}

BlockingCalls::Ticket BlockingCalls::run(Call call) {
    const std::scoped_lock lock(state_->mutex);
    const std::uint64_t number = ++state_->last_number;
    state_->queue.push_back({.number = number, .call = std::move(call)});
    if (state_->wants_thread()) {
        const SignalsOfThreadsBlocked blocked;
        try {
            std::thread(State::serve, state_).detach();
            ++state_->counters.threads;
        } catch (const std::system_error&) { // EAGAIN: those that are there have to do
        }
    }
    state_->work.notify_one();
    return {state_, number};
}

void BlockingCalls::Ticket::give_up() const {
    const std::shared_ptr<State> state = state_.lock();
    if (!state) return;
    const std::scoped_lock lock(state->mutex);
    ++state->counters.given_up;
    std::erase_if(state->queue,
                  [&](const State::Queued& queued) { return queued.number == number_; });
}

BlockingCalls::Counters BlockingCalls::counters() const {
    const std::scoped_lock lock(state_->mutex);
    Counters counters = state_->counters;
    counters.queued = state_->queue.size();
    return counters;
}

} // namespace rouse::sys
