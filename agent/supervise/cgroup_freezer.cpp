#include "agent/supervise/cgroup_freezer.hpp"

#include "agent/sys/descriptor.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include <fcntl.h>

namespace rouse::supervise {

namespace asio = boost::asio;

namespace {

using namespace asio::experimental::awaitable_operators;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto freezer_values = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t most_named = 8;
constexpr std::chrono::milliseconds look_again = 100ms;
constexpr std::chrono::milliseconds naming = 500ms;

/// A write of "1" that a worker may come to only after somebody has stopped to wait for it.
struct LateFreeze {
    std::atomic<bool> unwanted{false};
    std::atomic<bool> written{false};
    std::string path;
    sys::error_code error;

    /// On the worker.
    void write() {
        const sys::Result<> frozen = sys::freeze_cgroup(path, sys::Freezing::freeze);
        if (!frozen) error = frozen.error();
        written = true;
        if (unwanted) undo();
    }
    void undo() const {
        (void)sys::freeze_cgroup(path, sys::Freezing::thaw); // it is gone at worst
    }
};

/// Whoever goes away before the write has returned has it undone.
class Wants {
public:
    explicit Wants(std::shared_ptr<LateFreeze> write) : write_(std::move(write)) {}
    Wants(const Wants&) = delete;
    Wants& operator=(const Wants&) = delete;
    Wants(Wants&&) = delete;
    Wants& operator=(Wants&&) = delete;
    ~Wants() {
        if (returned_) return;
        write_->unwanted = true;
        if (write_->written) write_->undo();
    }
    void set_returned() { returned_ = true; }

private:
    std::shared_ptr<LateFreeze> write_;
    bool returned_ = false;
};

} // namespace

CgroupFreezer::CgroupFreezer(asio::any_io_executor executor, BlockingAccess blocking,
                             const Cgroups& cgroups)
    : executor_(std::move(executor)), blocking_(std::move(blocking)), cgroups_(cgroups) {}

asio::awaitable<std::string> CgroupFreezer::freeze(std::chrono::milliseconds deadline) {
    if (!cgroups_.usable()) co_return "there is no cgroup v2 that may be frozen";
    const Clock::time_point end = Clock::now() + deadline;
    const auto late = std::make_shared<LateFreeze>();
    late->path = cgroups_.directory();
    {
        Wants wants(late);
        auto writing = blocking_.run("freeze the payload", deadline, [late] { late->write(); });
        const bool returned = co_await std::move(writing);
        if (!returned) co_return "the kernel has not taken the word to freeze";
        wants.set_returned();
    }
    if (late->error) co_return fmt::format("cannot freeze: {}", late->error.message());
    auto waiting = wait_until_frozen(late->path, end);
    const bool frozen = co_await std::move(waiting);
    if (frozen) co_return "";
    auto naming_them = who_moves(late->path);
    co_return co_await std::move(naming_them);
}

asio::awaitable<bool> CgroupFreezer::wait_until_frozen(std::string path, Clock::time_point end) {
    sys::Result<sys::UniqueFd> events = sys::open_file(path + "/cgroup.events", O_RDONLY);
    if (!events) co_return false;
    asio::posix::stream_descriptor descriptor(executor_);
    sys::error_code error;
    descriptor.assign(events->get(), error);
    if (error) co_return false;
    const int fd = events->release();
    asio::steady_timer timer(executor_);
    for (;;) {
        const sys::Result<sys::Stillness> is = sys::cgroup_stillness(fd);
        if (!is || *is == sys::Stillness::frozen) co_return is.has_value();
        const Clock::time_point now = Clock::now();
        if (now >= end) co_return false;
        // The event that something changed is level-checked now and then.
        timer.expires_at(std::min(end, now + look_again));
        auto either =
            descriptor.async_wait(asio::posix::stream_descriptor::wait_error, freezer_values) ||
            timer.async_wait(freezer_values);
        (void)co_await std::move(either); // The state says what happened.
    }
}

asio::awaitable<std::string> CgroupFreezer::who_moves(std::string path) {
    const auto names = std::make_shared<std::vector<std::string>>();
    auto looking = blocking_.run("look who is not frozen", naming,
                                 [names, path] { *names = sys::not_frozen(path, most_named); });
    const bool returned = co_await std::move(looking);
    if (!returned || names->empty()) co_return "not frozen in time";
    co_return fmt::format("not frozen in time: {}", fmt::join(*names, ", "));
}

asio::awaitable<std::string> CgroupFreezer::thaw(std::chrono::milliseconds deadline) {
    if (!cgroups_.usable()) co_return "";
    const auto error = std::make_shared<sys::error_code>();
    std::function<void()> call = [error, path = cgroups_.directory()] {
        const sys::Result<> thawed = sys::freeze_cgroup(path, sys::Freezing::thaw);
        if (!thawed) *error = thawed.error();
    };
    auto thawing = blocking_.run("thaw the payload", deadline, call);
    const bool returned = co_await std::move(thawing);
    // All workers may hang in calls of their own. A payload that stands still for ever is worse
    // than a moment in which the loop waits for the kernel's lock of its groups.
    if (!returned) {
        const sys::Result<> thawed = sys::freeze_cgroup(cgroups_.directory(), sys::Freezing::thaw);
        co_return thawed ? "" : thawed.error().message();
    }
    co_return *error ? error->message() : "";
}

} // namespace rouse::supervise
