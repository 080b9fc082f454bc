#include "agent/sys/closing.hpp"

#include "agent/sys/signals.hpp"

#include <deque>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace rouse::sys {

struct Closing::State {
    std::mutex mutex;
    std::deque<UniqueFd> waiting;
    std::size_t threads = 0;
    std::function<void()> on_room;

    /// Life of a thread.
    static void serve(const std::shared_ptr<State>& state) {
        std::unique_lock lock(state->mutex);
        while (!state->waiting.empty()) {
            UniqueFd next = std::move(state->waiting.front());
            state->waiting.pop_front();
            if (state->waiting.size() + 1 == most_waiting) state->tell_room();
            lock.unlock();
            next.reset();
            lock.lock();
        }
        --state->threads;
    }

    /// With the lock: after the destructor nothing is told.
    void tell_room() const {
        try {
            if (on_room) on_room();
        } catch (const std::exception&) { // no memory: who waits asks again
        }
    }

    /// With the lock; the one that is started waits for it.
    static void start_thread(const std::shared_ptr<State>& state) {
        if (state->waiting.empty() || state->threads == most_threads) return;
        const ThreadSignalsBlocked blocked;
        try {
            std::thread(serve, state).detach();
            ++state->threads;
        } catch (const std::system_error&) { // EAGAIN: those that are there have to do
        }
    }
};

Closing::Closing(std::function<void()> on_room) : state_(std::make_shared<State>()) {
    state_->on_room = std::move(on_room);
}

Closing::~Closing() {
    const std::scoped_lock lock(state_->mutex);
    state_->on_room = nullptr;
}

void Closing::close(UniqueFd fd) {
    const std::scoped_lock lock(state_->mutex);
    state_->waiting.push_back(std::move(fd));
    State::start_thread(state_);
}

bool Closing::has_room() {
    const std::scoped_lock lock(state_->mutex);
    State::start_thread(state_);
    return state_->waiting.size() < most_waiting;
}

} // namespace rouse::sys
