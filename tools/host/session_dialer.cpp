#include "tools/host/session_dialer.hpp"

#include <fmt/format.h>

namespace rouse::host {

namespace {

/// A reset that the guest hears of late takes a fresh connection along, and nobody tells us. So the
/// first silence is not borne for long; a guest that only takes its time gets more at the next try.
constexpr std::chrono::seconds first_answer(2);

} // namespace

std::optional<std::chrono::milliseconds> retry_pause(const HttpAnswer& refusal) {
    constexpr unsigned unavailable = 503;
    if (refusal.status != unavailable || !refusal.retry_after) return std::nullopt;
    return std::max<std::chrono::milliseconds>(*refusal.retry_after, BackOff::shortest);
}

Awaitable<bool> SessionDialer::wait(std::chrono::milliseconds time,
                                    Clock::time_point deadline) const {
    if (Clock::now() + time >= deadline) co_return false;
    Timer timer(dialer_.executor(), time);
    (void)co_await timer.async_wait(no_throw); // ends early only when everything is cancelled
    co_return true;
}

Awaitable<bool> SessionDialer::pause(Clock::time_point deadline) {
    return wait(back_off_.next(), deadline);
}

namespace {

Failure refusal(const Dialer& dialer, const HttpQuestion& question, const HttpAnswer& answer) {
    return Failure(fmt::format("'{}': {} {}: {}", dialer.target().text(), question.method,
                               question.path, describe_answer(answer)));
}

} // namespace

Awaitable<Outcome<std::unique_ptr<FrameStream>>>
SessionDialer::reach(HttpQuestion question, Clock::time_point deadline,
                     std::chrono::milliseconds attempt_limit, Unreachable unreachable) {
    for (auto limit = std::min<std::chrono::milliseconds>(attempt_limit, first_answer);;
         limit = attempt_limit) {
        const Clock::time_point by = std::min(deadline, Clock::now() + limit);
        HttpTry tried = co_await http_try(dialer_, question, by, by);
        if (tried.upgraded)
            co_return std::make_unique<FrameStream>(std::move(tried.upgraded->socket),
                                                    std::move(tried.upgraded->received));
        if (tried.answer) {
            const auto time = retry_pause(*tried.answer);
            const bool again = time && co_await wait(*time, deadline);
            if (!again) co_return refusal(dialer_, question, *tried.answer);
            continue;
        }
        if (tried.connected) unreachable = Unreachable::is_tried_again;
        const bool again = unreachable == Unreachable::is_tried_again && co_await pause(deadline);
        if (!again) co_return Failure(std::move(tried.trouble));
    }
}

Awaitable<Outcome<HttpAnswer>> http_ask_again(Dialer& dialer, HttpQuestion question,
                                              std::chrono::milliseconds patience) {
    SessionDialer pauses(dialer);
    bool met = false;
    Clock::time_point deadline = Clock::now() + patience;
    std::optional<Clock::time_point> refused_until; // of refusals in a row
    for (;;) {
        const Clock::time_point began = Clock::now();
        HttpTry tried = co_await http_try(dialer, question, deadline, Clock::time_point::max());
        if (tried.answer) {
            if (!refused_until) refused_until = Clock::now() + patience;
            const auto time = retry_pause(*tried.answer);
            const bool again = time && co_await pauses.wait(*time, *refused_until);
            if (!again) co_return std::move(*tried.answer);
            continue;
        }
        met = met || tried.connected;
        refused_until.reset();
        // A connection that lasted was a good one: patience begins anew.
        if (tried.connected && Clock::now() - began > BackOff::longest) {
            deadline = Clock::now() + patience;
            pauses.succeeded();
        }
        const bool again = met && co_await pauses.pause(deadline);
        if (!again) co_return Failure(std::move(tried.trouble));
    }
}

} // namespace rouse::host
