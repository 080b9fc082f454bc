#pragma once
// One running applet and our ends of its pipes. Its user may go away at any time; then it is told
// by the end of its pipes, so that it can clear up, and killed only after kill_grace.

#include "agent/files/complaints.hpp"
#include "agent/io/async.hpp"
#include "agent/io/condition.hpp"
#include "agent/io/task_group.hpp"
#include "agent/supervise/spawner.hpp"
#include "proto/session.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace rouse::files {

class Applet : public std::enable_shared_from_this<Applet> {
public:
    /// `id` names it among the sessions, and its cgroup; `program` is for a listing.
    Applet(const io::Executor& executor, std::string id, std::string program);
    Applet(const Applet&) = delete;
    Applet& operator=(const Applet&) = delete;
    Applet(Applet&&) = delete;
    Applet& operator=(Applet&&) = delete;
    ~Applet() = default;

    enum class Input { pipe, null };

    /// Starts it; nothing, or why it does not run. Once it runs, a task of the group attends to it
    /// and keeps it alive, with `place` as long as its process exists. Call it once.
    io::Awaitable<std::optional<proto::SpawnFailure>> start(supervise::Spawner& spawner,
                                                            io::TaskGroup& tasks,
                                                            proto::Command command, Input input,
                                                            std::shared_ptr<void> place);

    /// False: it does not run (any more).
    bool signal(int number) { return child_ && child_->signal_group(number).has_value(); }
    /// As a listing of sessions has it.
    [[nodiscard]] proto::SessionDocument document() const;

    /// Returns once it has ended and everything it said is known.
    io::Awaitable<> wait_ended();
    [[nodiscard]] bool ended() const { return ended_; }
    /// Why it did not do what it should; nothing when it did. Once it has ended.
    [[nodiscard]] std::optional<Failure> failure() const;
    [[nodiscard]] const Complaints& complaints() const { return complaints_; }
    [[nodiscard]] pid_t pid() const { return child_ ? child_->pid() : 0; }

    /// Nobody needs it any more. Closes our ends of its input and output.
    void abandon();

    io::Descriptor in;
    io::Descriptor out;

private:
    static io::Awaitable<> attend(std::shared_ptr<Applet> self, std::shared_ptr<void> place);
    io::Awaitable<> see_out();
    io::Awaitable<> lose_patience();
    io::Awaitable<> listen();

    std::string id_;
    std::string program_;
    std::chrono::steady_clock::time_point asked_ = std::chrono::steady_clock::now();
    io::Descriptor err_;
    std::optional<supervise::Child> child_;
    Complaints complaints_;
    io::Condition changed_;
    bool abandoned_ = false;
    bool ended_ = false;
};

/// Abandons an applet when whoever uses it is gone.
class AppletUse {
public:
    explicit AppletUse(std::shared_ptr<Applet> applet) : applet_(std::move(applet)) {}
    AppletUse(const AppletUse&) = delete;
    AppletUse& operator=(const AppletUse&) = delete;
    AppletUse(AppletUse&&) = delete;
    AppletUse& operator=(AppletUse&&) = delete;
    ~AppletUse() { applet_->abandon(); }
    [[nodiscard]] Applet& operator*() const { return *applet_; }
    [[nodiscard]] Applet* operator->() const { return applet_.get(); }

private:
    std::shared_ptr<Applet> applet_;
};

} // namespace rouse::files
