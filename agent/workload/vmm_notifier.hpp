#pragma once
// Tells the VMM how the machine is doing, in the words that it knows from systemd
// (systemd.system-credentials(7), vmm.notify_socket): READY=1, STATUS=, STOPPING=1, EXIT_STATUS=,
// and X_ROUSE_… for what systemd has no word for.

#include "agent/io/condition.hpp"
#include "agent/io/task_group.hpp"
#include "proto/exit_status.hpp"
#include "proto/notify_address.hpp"

#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <string>

namespace rouse::workload {

/// One thread. Words that cannot be delivered are tried again, each for at most `limits::notify` a
/// try; while they wait, new ones wait behind them, and of statuses only the newest.
class VmmNotifier {
public:
    /// `warn` gets a line when words are given up.
    VmmNotifier(io::Executor executor, io::TaskGroup& tasks,
                std::function<void(const std::string& line)> warn);

    /// From here on what is said goes there; before, it goes nowhere. Call it once.
    void open(proto::NotifyAddress address);
    [[nodiscard]] bool is_open() const { return address_.has_value(); }

    /// Lines of NAME=VALUE, with a line feed between them.
    void say(std::string words);
    /// STATUS=; takes the place of one that still waits. Line feeds in it become blanks.
    void say_status(std::string status);

    /// Waits until nothing is left to be said; false at the deadline.
    io::Awaitable<bool> flushed(std::chrono::milliseconds deadline);

    [[nodiscard]] std::uint64_t sent() const { return sent_; }
    [[nodiscard]] std::uint64_t given_up() const { return given_up_; }

private:
    struct Words {
        std::string text;
        bool is_status = false;
    };

    void add(Words words);
    io::Awaitable<> deliver();
    io::Awaitable<> deliver_first();
    io::Awaitable<> all_said();

    io::Executor executor_;
    io::TaskGroup& tasks_;
    std::function<void(const std::string&)> warn_;
    std::optional<proto::NotifyAddress> address_;
    std::deque<Words> waiting_; ///< the first may be on its way
    io::Condition changed_;
    std::uint64_t sent_ = 0;
    std::uint64_t given_up_ = 0;
};

/// EXIT_STATUS= as systemd says it, a number from 0 to 255; X_ROUSE_SIGNAL= and X_ROUSE_OOM=1 where
/// they say more.
std::string exit_words(const std::optional<proto::ExitStatus>& exit, int shell_exit_code);

} // namespace rouse::workload
