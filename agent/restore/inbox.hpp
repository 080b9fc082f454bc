#pragma once
// Events that are heard one at a time, in the order in which they came.

#include <deque>
#include <utility>

namespace rouse::restore {

/// Hearing one event may set off another: that one is heard after it, never in the middle of it.
/// Not safe for several threads.
template <typename Event>
class Inbox {
public:
    /// Hears `event`, and whatever comes meanwhile, by `hear(const Event&)`. From inside `hear` it
    /// only keeps the event. When `hear` throws, what waits stays for the next call.
    template <typename Hear>
    void take(Event event, const Hear& hear) {
        waiting_.push_back(std::move(event));
        if (hearing_) return;
        const Hearing guard(hearing_);
        while (!waiting_.empty()) {
            const Event next = std::move(waiting_.front());
            waiting_.pop_front();
            hear(next);
        }
    }

private:
    class Hearing {
    public:
        explicit Hearing(bool& flag) : flag_(flag) { flag_ = true; }
        ~Hearing() { flag_ = false; }
        Hearing(const Hearing&) = delete;
        Hearing& operator=(const Hearing&) = delete;
        Hearing(Hearing&&) = delete;
        Hearing& operator=(Hearing&&) = delete;

    private:
        bool& flag_;
    };

    std::deque<Event> waiting_;
    bool hearing_ = false;
};

} // namespace rouse::restore
