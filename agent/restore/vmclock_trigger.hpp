#pragma once
// vmclock: the hypervisor counts restores and disruptions of the clock in a page of the guest.

#include "agent/restore/trigger.hpp"
#include "agent/sys/vmclock.hpp"

#include <chrono>

namespace rouse::restore {

/// What another reading of the page means; nothing when neither counter has changed. A counter of
/// restores that changes is a restore. A disruption alone may be a live migration, too: then only
/// the connections are in doubt.
[[nodiscard]] std::optional<Signal> vmclock_change(const sys::VmclockReading& before,
                                                   const sys::VmclockReading& after);

/// Waits by poll(2) where device and driver tell of changes (Linux 7.0), else looks each second and
/// when it is told to.
class VmclockTrigger : public Trigger {
public:
    /// `device` is what sys::open_vmclock() gave; what its page says now is what is compared with.
    VmclockTrigger(const io::Executor& executor, sys::Result<sys::UniqueFd> device,
                   std::chrono::milliseconds pace);

    [[nodiscard]] std::string_view name() const override { return "vmclock"; }
    io::Awaitable<> watch(std::function<void(Signal)> tell) override;
    void look() override { timer_.cancel(); }
    [[nodiscard]] boost::json::object status() const override;

private:
    enum class Mode { poll, timer };

    void take_page(const std::function<void(Signal)>& tell);
    [[nodiscard]] std::optional<sys::VmclockReading> read_and_rearm();
    io::Awaitable<> wait();
    io::Awaitable<> wait_for_device();
    void fall_back(std::string why);

    io::Descriptor device_;
    io::Timer timer_;
    std::chrono::milliseconds pace_;
    std::optional<sys::VmclockPage> page_;
    std::optional<sys::VmclockReading> last_;
    Mode mode_ = Mode::poll;
    unsigned unsettled_ = 0;  ///< looks one after the other that found a change being made
    unsigned idle_wakes_ = 0; ///< wake-ups one after the other for which nothing had changed
    std::string why_;         ///< it is unavailable
    std::string why_timer_;   ///< poll(2) is not used
};

} // namespace rouse::restore
