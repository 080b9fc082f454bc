#pragma once
// A control group for every session: its limits, its end, and what the out-of-memory killer did.

#include "agent/sys/cgroup.hpp"
#include "agent/sys/unique_fd.hpp"
#include "proto/exit_status.hpp"
#include "proto/process_attributes.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <variant>

namespace rouse::supervise {

/// Calls that may block, on workers beside the loop. Handed over, since io is a sibling.
struct BlockingAccess {
    /// Whether the call has returned before the deadline; if not, nobody may look at its results.
    std::function<boost::asio::awaitable<bool>(std::string name, std::chrono::milliseconds deadline,
                                               std::function<void()> call)>
        run;
    /// Runs the call some time, for nobody.
    std::function<void(std::function<void()> call)> post;
};

/// One group. Whoever holds it may signal what is in it, also after it has been removed.
class SessionCgroup {
public:
    SessionCgroup(std::string path, sys::UniqueFd directory,
                  std::function<void(std::function<void()>)> post)
        : path_(std::move(path)), directory_(std::make_shared<sys::UniqueFd>(std::move(directory))),
          post_(std::move(post)) {}

    [[nodiscard]] const std::string& path() const { return path_; }
    /// Borrowed.
    [[nodiscard]] int directory() const { return directory_->get(); }
    /// SIGKILL to everything in it, on a worker. Harmless when it is empty or gone.
    void kill();
    [[nodiscard]] bool killed() const { return killed_; }
    /// Whether the out-of-memory killer has ended a process in it.
    [[nodiscard]] bool oom_killed() const { return sys::cgroup_oom_killed(directory()); }

private:
    std::string path_;
    std::shared_ptr<sys::UniqueFd> directory_; ///< also of calls that nobody waits for
    std::function<void(std::function<void()>)> post_;
    bool killed_ = false;
};

using SharedCgroup = std::shared_ptr<SessionCgroup>;

/// Whose process it is: what stands still for a snapshot, and what works meanwhile.
enum class Tree {
    payload, ///< the workload and sessions
    hooks,   ///< programs that the configuration has run around a snapshot
};

/// The trees `<own cgroup>/NAME/exec/<session>-<n>` of the payload and `<own cgroup>/NAME/hooks/…`:
/// processes are only in their leaves. One thread.
class Cgroups {
public:
    Cgroups(boost::asio::any_io_executor executor, BlockingAccess blocking);
    Cgroups(const Cgroups&) = delete;
    Cgroups& operator=(const Cgroups&) = delete;
    Cgroups(Cgroups&&) = delete;
    Cgroups& operator=(Cgroups&&) = delete;
    /// Removes what is empty by then, and waits a moment for those that were killed. Blocks.
    ~Cgroups();

    /// Makes the tree; until then, and after an error, there are no groups. Call it once, before
    /// the loop runs: it may block. Errors: ENOENT without cgroup v2; EROFS, EACCES where the tree
    /// is not ours to make.
    sys::Result<> open(const std::string& name);
    [[nodiscard]] bool usable() const { return !root_.empty(); }
    /// Above all of them; empty: there are none.
    [[nodiscard]] const std::string& root() const { return root_; }
    /// Where the groups are; empty: there are none.
    [[nodiscard]] std::string directory(Tree tree = Tree::payload) const;

    /// A group, nothing where there are none and no limit was asked for, or why a limit cannot be
    /// had (stage "cgroup", the path names the file). Without limits, what fails is counted and the
    /// process starts without a group.
    using Made = std::variant<proto::SpawnFailure, SharedCgroup>;
    boost::asio::awaitable<Made> make(std::string session, proto::CgroupLimits limits,
                                      Tree tree = Tree::payload);

    /// Removes the group as soon as it is empty, however long that takes.
    void remove(SharedCgroup group);

    /// Groups that are there.
    [[nodiscard]] std::size_t count() const { return present_.size(); }
    /// Processes that had to start without.
    [[nodiscard]] std::uint64_t failed() const { return failed_; }

private:
    boost::asio::awaitable<void> remove_when_empty(SharedCgroup group);
    boost::asio::awaitable<void> wait_for_change(const SessionCgroup& group,
                                                 std::chrono::milliseconds at_most);

    boost::asio::any_io_executor executor_;
    BlockingAccess blocking_;
    std::string root_;
    std::string why_not_ = "this agent uses none";
    std::uint64_t last_number_ = 0;
    std::set<SharedCgroup> present_;
    std::uint64_t failed_ = 0;
};

/// The files that say `limits`, in the order in which they are written.
std::vector<sys::CgroupSetting> cgroup_settings(const proto::CgroupLimits& limits);

} // namespace rouse::supervise
