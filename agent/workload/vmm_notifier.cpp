#include "agent/workload/vmm_notifier.hpp"

#include "agent/io/notify.hpp"
#include "agent/io/race.hpp"
#include "proto/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace rouse::workload {

using io::Awaitable;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t most_waiting = 32;
/// A host that is just coming up may not listen yet.
constexpr int most_tries = 6;
constexpr std::chrono::milliseconds first_notify_pause = 50ms;

} // namespace

VmmNotifier::VmmNotifier(io::Executor executor, io::TaskGroup& tasks,
                         std::function<void(const std::string&)> warn)
    : executor_(std::move(executor)), tasks_(tasks), warn_(std::move(warn)), changed_(executor_) {}

void VmmNotifier::open(proto::NotifyAddress address) {
    address_ = std::move(address);
    tasks_.keep("words for the VMM", [this] { return deliver(); });
}

void VmmNotifier::say(std::string words) {
    add({.text = std::move(words), .is_status = false});
}

void VmmNotifier::say_status(std::string status) {
    std::replace(status.begin(), status.end(), '\n', ' ');
    add({.text = "STATUS=" + status, .is_status = true});
}

void VmmNotifier::add(Words words) {
    if (!address_) return;
    // The first of them may be on its way.
    const auto begin = waiting_.empty() ? waiting_.end() : std::next(waiting_.begin());
    if (words.is_status)
        waiting_.erase(
            std::remove_if(begin, waiting_.end(), [](const Words& one) { return one.is_status; }),
            waiting_.end());
    if (waiting_.size() >= most_waiting) {
        ++given_up_;
        return;
    }
    waiting_.push_back(std::move(words));
    changed_.notify_all();
}

Awaitable<> VmmNotifier::deliver() {
    for (;;) {
        if (waiting_.empty()) {
            Awaitable<> waiting = changed_.wait();
            co_await std::move(waiting);
            continue;
        }
        Awaitable<> delivering = deliver_first();
        co_await std::move(delivering);
        waiting_.pop_front();
        changed_.notify_all();
    }
}

Awaitable<> VmmNotifier::deliver_first() {
    std::string why;
    auto pause = first_notify_pause;
    for (int tries = 1; tries <= most_tries; ++tries) {
        Awaitable<sys::Result<>> notifying =
            io::notify(executor_, *address_, waiting_.front().text, proto::limits::notify);
        const sys::Result<> sent = co_await std::move(notifying);
        if (sent) {
            ++sent_;
            co_return;
        }
        why = sent.error().message();
        if (tries == most_tries) break;
        Awaitable<> pausing = io::expire(pause);
        co_await std::move(pausing);
        pause *= 2;
    }
    if (given_up_++ == 0) warn_(fmt::format("the VMM does not take notifications: {}", why));
}

Awaitable<bool> VmmNotifier::flushed(std::chrono::milliseconds deadline) {
    Awaitable<bool> timed = io::with_deadline(all_said(), deadline);
    co_return co_await std::move(timed);
}

Awaitable<> VmmNotifier::all_said() {
    while (!waiting_.empty()) {
        Awaitable<> waiting = changed_.wait();
        co_await std::move(waiting);
    }
}

std::string exit_words(const std::optional<proto::ExitStatus>& exit, int shell_exit_code) {
    std::string words = fmt::format("EXIT_STATUS={}", shell_exit_code);
    if (exit && exit->signal) words += fmt::format("\nX_ROUSE_SIGNAL={}", *exit->signal);
    if (exit && exit->oom) words += "\nX_ROUSE_OOM=1";
    return words;
}

} // namespace rouse::workload
