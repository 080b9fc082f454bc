#include "tools/host/close_at.hpp"

namespace rouse::host {

CloseAt::CloseAt(Socket& socket, Clock::time_point deadline)
    : state_(std::make_shared<State>()), timer_(socket.get_executor(), deadline) {
    state_->socket = &socket;
    timer_.async_wait([state = state_](error_code error) {
        if (error || state->socket == nullptr) return;
        state->expired = true;
        error_code ignored; // the descriptor is gone either way
        (void)state->socket->close(ignored);
    });
}

void CloseAt::disarm() {
    state_->socket = nullptr;
    timer_.cancel();
}

} // namespace rouse::host
