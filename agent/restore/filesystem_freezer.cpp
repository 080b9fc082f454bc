#include "agent/restore/filesystem_freezer.hpp"

#include "agent/sys/freeze.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>

namespace rouse::restore {

using io::Awaitable;
using std::chrono::milliseconds;

namespace {

using Clock = std::chrono::steady_clock;

milliseconds left_until(Clock::time_point end) {
    return std::max(std::chrono::ceil<milliseconds>(end - Clock::now()), milliseconds(1));
}

/// One FIFREEZE on its way through a worker.
struct LateFifreeze {
    enum Step : int { pending, frozen, unwanted };

    std::atomic<int> step{pending};
    std::string mount_point;
    sys::error_code error;

    /// On the worker. What nobody waits for any more is undone here, by the thread that has it.
    void freeze() {
        const sys::Result<> done = sys::freeze_filesystem(mount_point, sys::Freezing::freeze);
        if (!done) error = done.error();
        if (step.exchange(frozen) == unwanted && done) thaw();
    }
    void thaw() const {
        (void)sys::freeze_filesystem(mount_point, sys::Freezing::thaw); // it is unmounted at worst
    }
};

/// Whoever goes away before it is frozen has it thawed.
class AwaitsFifreeze {
public:
    AwaitsFifreeze(std::shared_ptr<LateFifreeze> call, io::Blocking& blocking)
        : call_(std::move(call)), blocking_(blocking) {}
    AwaitsFifreeze(const AwaitsFifreeze&) = delete;
    AwaitsFifreeze& operator=(const AwaitsFifreeze&) = delete;
    AwaitsFifreeze(AwaitsFifreeze&&) = delete;
    AwaitsFifreeze& operator=(AwaitsFifreeze&&) = delete;
    ~AwaitsFifreeze() {
        if (returned_ || call_->step.exchange(LateFifreeze::unwanted) != LateFifreeze::frozen)
            return;
        if (!call_->error) blocking_.post([call = call_] { call->thaw(); });
    }
    void set_returned() { returned_ = true; }

private:
    std::shared_ptr<LateFifreeze> call_;
    io::Blocking& blocking_;
    bool returned_ = false;
};

} // namespace

Awaitable<std::string> FilesystemFreezer::freeze(std::vector<std::string> mount_points,
                                                 milliseconds deadline) {
    const Clock::time_point end = Clock::now() + deadline;
    for (const std::string& mount_point : mount_points) {
        Awaitable<std::string> freezing = freeze_one(mount_point, left_until(end));
        std::string why = co_await std::move(freezing);
        if (!why.empty()) co_return fmt::format("\"{}\": {}", mount_point, why);
    }
    co_return "";
}

Awaitable<std::string> FilesystemFreezer::freeze_one(std::string mount_point,
                                                     milliseconds deadline) {
    const auto call = std::make_shared<LateFifreeze>();
    call->mount_point = mount_point;
    AwaitsFifreeze awaits(call, blocking_);
    Awaitable<bool> running =
        blocking_.run("freeze " + mount_point, deadline, [call] { call->freeze(); });
    const bool returned = co_await std::move(running);
    if (!returned) co_return "not frozen in time";
    awaits.set_returned();
    if (call->error) co_return call->error.message();
    frozen_.push_back(std::move(mount_point));
    co_return "";
}

Awaitable<std::string> FilesystemFreezer::thaw(milliseconds deadline) {
    const Clock::time_point end = Clock::now() + deadline;
    std::vector<std::string> thawed = std::exchange(frozen_, {});
    std::reverse(thawed.begin(), thawed.end());
    std::string problems;
    for (const std::string& mount_point : thawed) {
        Awaitable<std::string> thawing = thaw_one(mount_point, left_until(end));
        const std::string why = co_await std::move(thawing);
        if (!why.empty())
            problems += fmt::format("{}\"{}\": {}", problems.empty() ? "" : ", ", mount_point, why);
    }
    co_return problems;
}

Awaitable<std::string> FilesystemFreezer::thaw_one(std::string mount_point, milliseconds deadline) {
    const auto error = std::make_shared<sys::error_code>();
    std::function<void()> call = [error, mount_point] {
        const sys::Result<> thawed = sys::freeze_filesystem(mount_point, sys::Freezing::thaw);
        if (!thawed) *error = thawed.error();
    };
    Awaitable<bool> running = blocking_.run("thaw " + mount_point, deadline, call);
    const bool returned = co_await std::move(running);
    if (returned) co_return *error ? error->message() : "";
    blocking_.post(std::move(call)); // Twice is once: a thawed file system says EINVAL.
    co_return "not thawed in time, trying on";
}

} // namespace rouse::restore
