#include "tools/host/seats.hpp"

namespace rouse::host {

Awaitable<std::optional<Seats::Seat>> Seats::take(std::string role, FrameStream& stream) {
    Place& place = place_of(role);
    const std::uint64_t ticket = ++place.newest;
    while (place.holder != nullptr) {
        place.holder->close();
        (void)co_await place.changed.async_wait(no_throw); // always cancelled: it never expires
        if (place.newest != ticket) co_return std::nullopt;
    }
    place.holder = &stream;
    co_return std::optional<Seat>(std::in_place, *this, std::move(role));
}

bool Seats::taken(const std::string& role) const {
    const auto found = places_.find(role);
    return found != places_.end() && found->second.holder != nullptr;
}

Seats::Place& Seats::place_of(const std::string& role) {
    return places_.try_emplace(role, executor_).first->second;
}

void Seats::leave(const std::string& role) {
    Place& place = place_of(role);
    place.holder = nullptr;
    place.changed.cancel();
}

} // namespace rouse::host
