#pragma once
// Hardware that is plugged in while the guest runs: CPUs, memory, network interfaces.

#include "agent/boot/report.hpp"
#include "agent/io/async.hpp"
#include "agent/io/blocking.hpp"
#include "agent/sys/uevents.hpp"
#include "proto/guest_config.hpp"

#include <functional>
#include <string>
#include <vector>

namespace rouse::boot {

/// Waits for the kernel's word that a device has come, and does on a worker what the configuration
/// wants of it: nothing wakes up while nothing is plugged in. What is there when it begins, and
/// whatever was there when words were lost, is looked at as well. One thread; borrows `blocking`.
class HotplugWatch {
public:
    /// Told of each device that something was done about.
    using Tell = std::function<void(const Step& step)>;

    /// `late`: names of configured interfaces that had not appeared at boot.
    HotplugWatch(io::Executor executor, io::Blocking& blocking, proto::GuestConfig guest,
                 std::vector<std::string> late, Tell tell);

    /// The guest's interfaces are so now, as a restore document has made them: one that is plugged
    /// in from here on gets this, and of the configuration what this does not name.
    void learn(const std::vector<proto::NetworkInterface>& network);

    /// Until it is cancelled; ends at once, having told why, where the kernel tells nothing.
    io::Awaitable<> run();

private:
    io::Awaitable<> listen(sys::UeventSocket& events, io::Descriptor& readable);
    io::Awaitable<> look_at_everything();
    io::Awaitable<> look_at(sys::Uevent event);
    io::Awaitable<> on_worker(std::string name, std::function<Report()> work);
    [[nodiscard]] const proto::NetworkInterface* configured(std::string_view name) const;

    io::Executor executor_;
    io::Blocking& blocking_;
    proto::GuestConfig guest_;
    std::vector<std::string> late_;
    Tell tell_;
};

} // namespace rouse::boot
