#pragma once
// The socket on which the workload says that it is ready, as services of systemd do.

#include "agent/io/async.hpp"
#include "agent/sys/closing.hpp"
#include "agent/sys/result.hpp"
#include "agent/workload/notify_message.hpp"

#include <functional>
#include <memory>
#include <string>

#include <sys/types.h>

namespace rouse::workload {

class NotifyListener {
public:
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

    io::Descriptor socket_;
    std::shared_ptr<io::Timer>
        room_; ///< for descriptors to be closed; cancelled when there is some
    sys::Closing closing_;
    std::string name_;
    uid_t allowed_ = 0;
};

} // namespace rouse::workload
