#include "agent/supervise/cgroups.hpp"

#include "agent/supervise/command_plan.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>

namespace rouse::supervise {

namespace asio = boost::asio;

namespace {

using namespace asio::experimental::awaitable_operators;
using namespace std::chrono_literals;

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds make_deadline = 10s;
constexpr std::chrono::milliseconds remove_deadline = 10s;
constexpr std::chrono::milliseconds first_pause = 10ms;
constexpr std::chrono::milliseconds death_patience = 500ms;
constexpr std::chrono::milliseconds longest_pause = 60s;

/// A group on its way from the worker to the coroutine that asked for it, if that still lives.
struct Delivery {
    enum Step : int { pending, made, unwanted };

    std::atomic<int> step{pending};
    std::string path;
    std::vector<sys::CgroupSetting> settings;
    std::optional<sys::MadeCgroup> result;

    /// On the worker.
    void make() {
        result.emplace(sys::make_cgroup(path, settings));
        if (step.exchange(made) == unwanted) drop();
    }
    void drop() {
        if (result->directory) (void)sys::remove_cgroup(path); // nothing was ever in it
    }
};

/// Whoever goes away before the group has come has it removed.
class Expects {
public:
    Expects(std::shared_ptr<Delivery> delivery, const BlockingAccess& blocking)
        : delivery_(std::move(delivery)), blocking_(blocking) {}
    Expects(const Expects&) = delete;
    Expects& operator=(const Expects&) = delete;
    Expects(Expects&&) = delete;
    Expects& operator=(Expects&&) = delete;
    ~Expects() {
        if (taken_ || delivery_->step.exchange(Delivery::unwanted) != Delivery::made) return;
        blocking_.post([delivery = delivery_] { delivery->drop(); });
    }

    sys::MadeCgroup take() {
        taken_ = true;
        return std::move(*delivery_->result);
    }

private:
    std::shared_ptr<Delivery> delivery_;
    const BlockingAccess& blocking_;
    bool taken_ = false;
};

proto::SpawnFailure limit_failure(const sys::error_code& error, const std::string& file) {
    proto::SpawnFailure failure = make_failure("cgroup", error, file);
    if (!file.empty() && error == sys::error_from(ENOENT))
        failure.message = fmt::format("\"{}\": this guest has no controller for it", file);
    return failure;
}

} // namespace

std::vector<sys::CgroupSetting> cgroup_settings(const proto::CgroupLimits& limits) {
    std::vector<sys::CgroupSetting> settings;
    const auto add = [&](const char* file, const std::optional<std::uint64_t>& limit) {
        if (limit) settings.push_back({.file = file, .value = std::to_string(*limit)});
    };
    add("memory.max", limits.memory_max);
    add("memory.high", limits.memory_high);
    add("memory.swap.max", limits.memory_swap_max);
    add("pids.max", limits.pids_max);
    add("cpu.weight", limits.cpu_weight);
    add("io.weight", limits.io_weight);
    constexpr std::uint64_t usual_period = 100'000;
    if (limits.cpu_max_us)
        settings.push_back({.file = "cpu.max",
                            .value = fmt::format("{} {}", *limits.cpu_max_us,
                                                 limits.cpu_period_us.value_or(usual_period))});
    return settings;
}

void SessionCgroup::kill() {
    killed_ = true;
    post_([directory = directory_] {
        (void)sys::kill_cgroup(directory->get()); // gone at worst, and then nobody is in it
    });
}

Cgroups::Cgroups(asio::any_io_executor executor, BlockingAccess blocking)
    : executor_(std::move(executor)), blocking_(std::move(blocking)) {}

Cgroups::~Cgroups() {
    if (!usable()) return;
    // In vain where somebody is left.
    const auto end = std::chrono::steady_clock::now() + death_patience;
    for (const SharedCgroup& group : present_) {
        if (group->killed()) {
            (void)sys::kill_cgroup(group->directory()); // no worker may have come to it
            sys::wait_until_empty(group->directory(), end);
        }
        (void)sys::remove_cgroup(group->path());
    }
    (void)sys::remove_cgroup(root_ + "/hooks");
    (void)sys::remove_cgroup(root_ + "/exec");
    (void)sys::remove_cgroup(root_);
}

sys::Result<> Cgroups::open(const std::string& name) {
    const sys::Result<std::string> own = sys::own_cgroup();
    sys::Result<> made = own ? sys::Result<>() : sys::Result<>(own.error());
    const std::string root = own ? *own + "/" + name : "";
    if (made) made = sys::make_cgroup_tree(*own, root);
    if (made) made = sys::make_cgroup_tree(root, root + "/exec");
    if (made) made = sys::make_cgroup_tree(root, root + "/hooks");
    if (made)
        root_ = root;
    else
        why_not_ = made.error().message();
    return made;
}

std::string Cgroups::directory(Tree tree) const {
    if (!usable()) return "";
    return root_ + (tree == Tree::hooks ? "/hooks" : "/exec");
}

asio::awaitable<Cgroups::Made> Cgroups::make(std::string session, proto::CgroupLimits limits,
                                             Tree tree) {
    const bool limited = limits != proto::CgroupLimits{};
    if (!usable() && limited) {
        proto::SpawnFailure failure = limit_failure(sys::error_from(ENOTSUP), "");
        failure.message = fmt::format("limits need a cgroup v2, and there is none: {}", why_not_);
        co_return failure;
    }
    if (!usable()) co_return SharedCgroup();

    const auto delivery = std::make_shared<Delivery>();
    delivery->path = fmt::format("{}/{}-{}", directory(tree), session, ++last_number_);
    delivery->settings = cgroup_settings(limits);
    Expects expects(delivery, blocking_);
    auto making = blocking_.run("make a cgroup", make_deadline, [delivery] { delivery->make(); });
    const bool returned = co_await std::move(making);
    sys::MadeCgroup made{.directory = sys::error_from(ETIMEDOUT), .file = ""};
    if (returned) made = expects.take();
    if (made.directory) {
        auto group = std::make_shared<SessionCgroup>(delivery->path, std::move(*made.directory),
                                                     blocking_.post);
        present_.insert(group);
        co_return group;
    }
    if (limited) co_return limit_failure(made.directory.error(), made.file);
    ++failed_;
    co_return SharedCgroup();
}

void Cgroups::remove(SharedCgroup group) {
    if (!group) return;
    // What escapes is the end of the memory or of the program: the directory stays behind.
    asio::co_spawn(executor_, remove_when_empty(std::move(group)),
                   [](const std::exception_ptr&) {});
}

asio::awaitable<void> Cgroups::remove_when_empty(SharedCgroup group) {
    for (auto pause = first_pause;; pause = std::min(2 * pause, longest_pause)) {
        const auto gone = std::make_shared<std::atomic<bool>>(false);
        std::function<void()> call = [gone, path = group->path()] {
            const sys::Result<sys::CgroupState> removed = sys::remove_cgroup(path);
            *gone = removed && *removed == sys::CgroupState::gone;
        };
        auto removing = blocking_.run("remove a cgroup", remove_deadline, std::move(call));
        const bool returned = co_await std::move(removing);
        if (returned && *gone) {
            present_.erase(group);
            co_return;
        }
        auto waiting = wait_for_change(*group, pause);
        co_await std::move(waiting);
    }
}

/// Returns when the group is empty, or after `at_most`: an event may be missed, and a directory may
/// be kept for other reasons.
asio::awaitable<void> Cgroups::wait_for_change(const SessionCgroup& group,
                                               std::chrono::milliseconds at_most) {
    asio::steady_timer timer(executor_, at_most);
    sys::Result<sys::UniqueFd> events = sys::open_cgroup_events(group.directory());
    asio::posix::stream_descriptor descriptor(executor_);
    sys::error_code error = events ? sys::error_code() : events.error();
    if (!error) descriptor.assign(events->get(), error);
    if (error) {
        auto timed = co_await timer.async_wait(as_values);
        (void)timed; // cancelled with the program
        co_return;
    }
    const int fd = events->release();
    for (;;) {
        const sys::Result<sys::CgroupState> state = sys::cgroup_state(fd);
        if (!state || *state != sys::CgroupState::populated) break;
        auto either =
            descriptor.async_wait(asio::posix::stream_descriptor::wait_error, as_values) ||
            timer.async_wait(as_values);
        const auto first = co_await std::move(either);
        if (first.index() == 1 || std::get<0>(std::get<0>(first))) co_return;
    }
}

} // namespace rouse::supervise
