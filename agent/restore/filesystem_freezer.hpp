#pragma once
// Freezes file systems for a snapshot, on the workers, and never leaves one behind frozen.

#include "agent/io/blocking.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace rouse::restore {

class FilesystemFreezer {
public:
    /// Borrows `blocking`.
    explicit FilesystemFreezer(io::Blocking& blocking) : blocking_(blocking) {}

    /// Freezes the file systems mounted at `mount_points`, in this order. Empty: all stand still;
    /// else why not, and those before it are frozen until thaw(). One caller at a time. A call that
    /// the kernel completes only after it was given up is undone at once.
    io::Awaitable<std::string> freeze(std::vector<std::string> mount_points,
                                      std::chrono::milliseconds deadline);

    /// Thaws what freeze() has frozen, in reverse. Empty, or what went wrong; what the workers did
    /// not come to in time they do as soon as they can.
    io::Awaitable<std::string> thaw(std::chrono::milliseconds deadline);

    [[nodiscard]] const std::vector<std::string>& frozen() const { return frozen_; }

private:
    io::Awaitable<std::string> freeze_one(std::string mount_point,
                                          std::chrono::milliseconds deadline);
    io::Awaitable<std::string> thaw_one(std::string mount_point,
                                        std::chrono::milliseconds deadline);

    io::Blocking& blocking_;
    std::vector<std::string> frozen_;
};

} // namespace rouse::restore
