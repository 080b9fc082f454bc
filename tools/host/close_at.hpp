#pragma once
// A deadline over everything that is done with one socket.

#include "tools/host/async.hpp"

#include <memory>

namespace rouse::host {

/// Closes the socket at a point in time, so that what waits for it ends with an error. Borrows the
/// socket; destroy this first, or disarm() before the socket moves.
class CloseAt {
public:
    CloseAt(Socket& socket, Clock::time_point deadline);
    CloseAt(const CloseAt&) = delete;
    CloseAt& operator=(const CloseAt&) = delete;
    ~CloseAt() { disarm(); }

    void disarm();
    [[nodiscard]] bool expired() const { return state_->expired; }

private:
    /// The timer's handler may run after this object is gone.
    struct State {
        Socket* socket = nullptr;
        bool expired = false;
    };

    std::shared_ptr<State> state_;
    Timer timer_;
};

} // namespace rouse::host
