#include "agent/io/blocking.hpp"

#include "agent/io/clock_jumps.hpp"

#include <boost/asio/post.hpp>

namespace rouse::io {

namespace {

/// What the coroutine waits with. The worker knows it only weakly: it may end after the loop.
struct Waiting {
    explicit Waiting(const Executor& executor) : timer(executor) {}

    Timer timer;
    bool returned = false;
};

/// Gives the call up unless it has returned: also when the coroutine is destroyed.
class GivesUp {
public:
    GivesUp(sys::BlockingCalls::Ticket ticket, const Waiting& waiting)
        : ticket_(std::move(ticket)), waiting_(waiting) {}
    GivesUp(const GivesUp&) = delete;
    GivesUp& operator=(const GivesUp&) = delete;
    GivesUp(GivesUp&&) = delete;
    GivesUp& operator=(GivesUp&&) = delete;
    ~GivesUp() {
        if (!waiting_.returned) ticket_.give_up();
    }

private:
    sys::BlockingCalls::Ticket ticket_;
    const Waiting& waiting_;
};

} // namespace

Blocking::Blocking(Executor executor, sys::BlockingCalls& calls, OnGivenUp on_given_up)
    : executor_(std::move(executor)), calls_(calls), on_given_up_(std::move(on_given_up)) {}

Awaitable<bool> Blocking::run(std::string name, std::chrono::milliseconds deadline,
                              std::function<void()> call) {
    const auto waiting = std::make_shared<Waiting>(executor_);
    waiting->timer.expires_after(deadline);
    sys::BlockingCalls::Ticket ticket =
        calls_.run([call = std::move(call), executor = executor_,
                    weak = std::weak_ptr<Waiting>(waiting)]() -> sys::BlockingCalls::Deliver {
            call();
            return [executor, weak] {
                asio::post(executor, [weak] {
                    const std::shared_ptr<Waiting> waiter = weak.lock();
                    if (!waiter) return;
                    waiter->returned = true;
                    waiter->timer.cancel();
                });
            };
        });
    const GivesUp gives_up(std::move(ticket), *waiting);
    sys::SecondChance second;
    bool too_late = true;
    while (too_late) {
        auto waited = co_await waiting->timer.async_wait(no_throw);
        const auto& [error] = waited;
        too_late = !waiting->returned && !error;
        const auto now = std::chrono::steady_clock::now();
        if (too_late) note_expiry(executor_, waiting->timer.expiry(), now);
        if (!too_late || !second.take(waiting->timer.expiry(), now)) break;
        waiting->timer.expires_after(deadline);
    }
    if (too_late && on_given_up_) on_given_up_(name);
    co_return waiting->returned;
}

void Blocking::post(std::function<void()> call) {
    (void)calls_.run([call = std::move(call)]() -> sys::BlockingCalls::Deliver {
        call();
        return {};
    });
}

} // namespace rouse::io
