#include "agent/boot/network.hpp"

#include "agent/boot/sysctls.hpp"
#include "agent/sys/network.hpp"
#include "agent/sys/uevents.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include <net/if.h>

namespace rouse::boot {

namespace {

using Interface = proto::NetworkInterface;
using Deadline = std::chrono::steady_clock::time_point;

/// One run of set_up_network().
class SettingUp {
public:
    explicit SettingUp(const proto::GuestConfig& guest) : guest_(guest) {
        for (const Interface& interface : guest.network)
            missing_.push_back(&interface);
    }

    NetworkAtBoot run(std::chrono::milliseconds wait) {
        const Deadline deadline = std::chrono::steady_clock::now() + wait;
        // Before the first look, so that nothing appears unseen between the two.
        sys::Result<sys::UeventSocket> events = sys::UeventSocket::open();
        result_.report.add("interface lo", sys::bring_up("lo"));
        set_up_what_is_there();
        while (!missing_.empty() && events && wait_for_event(*events, deadline))
            set_up_what_is_there();
        for (const Interface* interface : missing_) {
            result_.report.add({.name = "interface " + interface->name,
                                .ok = false,
                                .fatal = false,
                                .message = fmt::format("has not appeared after {} ms; it is "
                                                       "configured when it does",
                                                       wait.count())});
            result_.late.push_back(interface->name);
        }
        set_other_sysctls();
        return std::move(result_);
    }

private:
    void set_up_what_is_there() {
        const auto is_there = [this](const Interface* interface) {
            if (!has_interface(interface->name)) return false;
            result_.report.add(set_up_interface(*interface, guest_));
            return true;
        };
        missing_.erase(std::remove_if(missing_.begin(), missing_.end(), is_there), missing_.end());
    }

    /// Whether there is a reason to look again before the deadline.
    static bool wait_for_event(sys::UeventSocket& events, Deadline deadline) {
        const sys::Result<std::optional<sys::Uevent>> event = events.next(deadline);
        return event ? event->has_value() : std::chrono::steady_clock::now() < deadline;
    }

    /// Of interfaces that only the settings name, the loopback say.
    void set_other_sysctls() {
        for (const auto& [name, value] : guest_.sysctls) {
            const std::string interface = interface_of_sysctl(name);
            const bool configured =
                std::any_of(guest_.network.begin(), guest_.network.end(),
                            [&](const Interface& known) { return known.name == interface; });
            if (!interface.empty() && !configured)
                result_.report.append(set_sysctls({{name, value}}, interface));
        }
    }

    const proto::GuestConfig& guest_;
    std::vector<const Interface*> missing_;
    NetworkAtBoot result_;
};

} // namespace

NetworkAtBoot set_up_network(const proto::GuestConfig& guest, std::chrono::milliseconds wait) {
    return SettingUp(guest).run(wait);
}

bool has_interface(const std::string& name) {
    return ::if_nametoindex(name.c_str()) != 0;
}

Step set_up_interface(const proto::NetworkInterface& interface, const proto::GuestConfig& guest) {
    sys::NetworkOutcome outcome = sys::configure(interface, {});
    std::vector<std::string>& words = outcome.problems;
    const Report settings = set_sysctls(guest.sysctls, interface.name);
    for (const Step& setting : settings.steps())
        if (!setting.ok) words.push_back(fmt::format("{}: {}", setting.name, setting.message));
    Step step{
        .name = "interface " + interface.name, .ok = words.empty(), .fatal = false, .message = {}};
    words.insert(words.end(), outcome.notes.begin(), outcome.notes.end());
    step.message = fmt::format("{}", fmt::join(words, "; "));
    return step;
}

} // namespace rouse::boot
