#pragma once
// The places of one machine's connections ("link", "stdout", "stderr"): each is taken by one, the
// newest that proved to be the guest's agent.

#include "tools/host/frame_stream.hpp"

#include <cstdint>
#include <map>

namespace rouse::host {

/// Not thread-safe. Outlives the seats that it gave.
class Seats {
public:
    explicit Seats(Executor executor) : executor_(std::move(executor)) {}

    /// A place that was taken; free again when this is destroyed.
    class Seat {
    public:
        Seat(Seats& seats, std::string role) : seats_(&seats), role_(std::move(role)) {}
        Seat(Seat&& other) noexcept
            : seats_(std::exchange(other.seats_, nullptr)), role_(std::move(other.role_)) {}
        Seat& operator=(Seat&&) = delete;
        Seat(const Seat&) = delete;
        Seat& operator=(const Seat&) = delete;
        ~Seat() {
            if (seats_ != nullptr) seats_->leave(role_);
        }

    private:
        Seats* seats_;
        std::string role_;
    };

    /// Closes the connection that has the place, waits until its session has left, since both write
    /// to the same files, and takes the place. Nothing when a newer connection came meanwhile.
    /// Borrows `stream` as long as the seat lives.
    Awaitable<std::optional<Seat>> take(std::string role, FrameStream& stream);

    [[nodiscard]] bool taken(const std::string& role) const;

private:
    struct Place {
        explicit Place(const Executor& executor) : changed(executor) {
            changed.expires_at(Clock::time_point::max());
        }
        FrameStream* holder = nullptr;
        std::uint64_t newest = 0; ///< the ticket of who came last
        Timer changed;            ///< cancelled when the holder left
    };

    Place& place_of(const std::string& role);
    void leave(const std::string& role);

    Executor executor_;
    std::map<std::string, Place> places_;
};

} // namespace rouse::host
