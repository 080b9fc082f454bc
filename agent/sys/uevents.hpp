#pragma once
// What the kernel says about devices that come, go and change.

#include "agent/sys/result.hpp"
#include "agent/sys/unique_fd.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace rouse::sys {

/// One event of the kernel. Source: kernel, lib/kobject_uevent.c.
struct Uevent {
    std::string action; ///< "add", "change", "remove", "online", …
    std::string path;   ///< below /sys, such as "/devices/pci0000:00/…/block/vda"
    std::map<std::string, std::string, std::less<>> values; ///< SUBSYSTEM, DEVNAME, …

    /// The value of that name; empty without one.
    [[nodiscard]] std::string_view value(std::string_view name) const;

    friend bool operator==(const Uevent&, const Uevent&) = default;
};

/// Reads "ACTION@PATH" and "NAME=VALUE" lines, which NULs separate. Nothing when it is none.
std::optional<Uevent> parse_uevent(std::string_view message);

/// Hears events from the moment it is made, so that who opens it and then looks misses nothing.
class UeventSocket {
public:
    /// Errors: those of socket(2) and bind(2).
    static Result<UeventSocket> open();

    /// Becomes readable when there is an event. Borrowed.
    [[nodiscard]] int descriptor() const { return socket_.get(); }

    /// The next event; waits for one until `deadline` and then returns nothing. What did not come
    /// from the kernel is skipped. Errors: ENOBUFS when events were lost: look at everything anew;
    /// those of recvmsg(2).
    Result<std::optional<Uevent>> next(std::chrono::steady_clock::time_point deadline);

private:
    explicit UeventSocket(UniqueFd socket) : socket_(std::move(socket)) {}

    UniqueFd socket_;
};

} // namespace rouse::sys
