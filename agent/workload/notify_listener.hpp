#pragma once
// The socket on which the workload says that it is ready, as services of systemd do.

#include "agent/io/async.hpp"
#include "agent/sys/blocking.hpp"
#include "agent/sys/result.hpp"
#include "agent/sys/unique_fd.hpp"
#include "agent/workload/notify_message.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <sys/types.h>

namespace rouse::workload {

class NotifyListener {
public:
    /// As soon as so many descriptors wait to be closed, nothing more is received.
    static constexpr std::size_t most_waiting = 64;

    explicit NotifyListener(const io::Executor& executor);

    /// Binds the socket: in the directory, or, where there is none or it cannot be written to, in
    /// the abstract namespace. `allowed`: who is listened to besides root; nobody else may send to
    /// a path where we may give it away. Errors: those of bind(2).
    sys::Result<> open(const std::string& directory, uid_t allowed);

    /// What NOTIFY_SOCKET says; empty before open().
    [[nodiscard]] const std::string& name() const { return name_; }

    /// Tells each message, until cancelled. What comes from anybody else is passed over. The
    /// descriptors of all are closed on other threads; while too many wait for that, nothing is
    /// received, and senders wait.
    io::Awaitable<> run(std::function<void(const NotifyMessage&)> tell);

private:
    void take_one(const std::function<void(const NotifyMessage&)>& tell);
    [[nodiscard]] bool has_room() const;
    void close_aside(sys::UniqueFd descriptor);

    io::Descriptor socket_;
    std::shared_ptr<io::Timer> room_;       ///< cancelled when one more has been closed
    sys::BlockingCalls::Deliver tell_room_; ///< does that from another thread
    sys::BlockingCalls closes_; ///< of its own: who hangs here keeps nobody else waiting
    std::string name_;
    uid_t allowed_ = 0;
};

} // namespace rouse::workload
