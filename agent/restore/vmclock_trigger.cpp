#include "agent/restore/vmclock_trigger.hpp"

#include <boost/asio/error.hpp>
#include <fmt/format.h>

#include <utility>

namespace rouse::restore {

namespace {

using namespace std::chrono_literals;

/// A change of the page takes the hypervisor microseconds.
constexpr auto settling = 10ms;
constexpr unsigned most_unsettled = 100;
/// A device that wakes us for nothing this often is not waited for by poll(2) any more.
constexpr unsigned most_idle_wakes = 8;

} // namespace

std::optional<Signal> vmclock_change(const sys::VmclockReading& before,
                                     const sys::VmclockReading& after) {
    if (before.generation && after.generation && before.generation != after.generation)
        return Signal{.source = "vmclock", .value = std::to_string(*after.generation)};
    if (before.disruption == after.disruption) return std::nullopt;
    return Signal{.source = "vmclock",
                  .value = fmt::format("disruption {}", after.disruption),
                  .means = Means::loss};
}

VmclockTrigger::VmclockTrigger(const io::Executor& executor, sys::Result<sys::UniqueFd> device,
                               std::chrono::milliseconds pace)
    : device_(executor), timer_(executor), pace_(pace) {
    io::error_code error;
    if (device) device_.assign(device->get(), error);
    if (!device || error) {
        why_ = device ? error.message() : device.error().message();
        return;
    }
    (void)device->release(); // The descriptor of the loop owns it now.
    sys::Result<sys::VmclockPage> page = sys::VmclockPage::map(device_.native_handle());
    if (!page) {
        why_ = "its page cannot be mapped: " + page.error().message();
        return;
    }
    page_ = std::move(*page);
    last_ = page_->read();
}

io::Awaitable<> VmclockTrigger::watch(std::function<void(Signal)> tell) {
    while (page_) {
        take_page(tell);
        io::Awaitable<> waiting = wait();
        co_await std::move(waiting);
    }
}

void VmclockTrigger::take_page(const std::function<void(Signal)>& tell) {
    const std::optional<sys::VmclockReading> now = read_and_rearm();
    unsettled_ = now ? 0 : unsettled_ + 1;
    if (!now) return;
    if (mode_ == Mode::poll && !now->notifies) fall_back("the device does not tell of changes");
    idle_wakes_ = last_ == now ? idle_wakes_ + 1 : 0;
    const std::optional<sys::VmclockReading> before = std::exchange(last_, now);
    if (!before) return;
    if (std::optional<Signal> signal = vmclock_change(*before, *now)) tell(std::move(*signal));
}

/// What is told to the driver as seen is looked at afterwards, so that no change is missed.
std::optional<sys::VmclockReading> VmclockTrigger::read_and_rearm() {
    std::optional<sys::VmclockReading> now = page_->read();
    if (!now || mode_ == Mode::timer) return now;
    const sys::Result<> rearmed = sys::rearm_vmclock(device_.native_handle());
    if (!rearmed) fall_back("reading the device: " + rearmed.error().message());
    return page_->read();
}

io::Awaitable<> VmclockTrigger::wait() {
    const bool settles = unsettled_ > 0 && unsettled_ <= most_unsettled;
    if (mode_ == Mode::poll && !settles) {
        if (idle_wakes_ <= most_idle_wakes) {
            io::Awaitable<> waiting = wait_for_device();
            co_await std::move(waiting);
            co_return;
        }
        fall_back("poll(2) returns for no reason");
    }
    timer_.expires_after(settles ? settling : pace_);
    auto waited = co_await timer_.async_wait(io::no_throw);
    (void)waited; // It ends early by look(); a cancelled task throws at its next suspension.
}

io::Awaitable<> VmclockTrigger::wait_for_device() {
    auto waited = co_await device_.async_wait(io::Descriptor::wait_read, io::no_throw);
    const auto& [error] = waited;
    // Linux 6.13 to 6.19 cannot wait for the device; epoll says so with EPERM.
    if (error && error != io::asio::error::operation_aborted)
        fall_back("the kernel cannot wait for the device");
}

void VmclockTrigger::fall_back(std::string why) {
    mode_ = Mode::timer;
    why_timer_ = std::move(why);
}

boost::json::object VmclockTrigger::status() const {
    boost::json::object status{
        {"source", name()}, {"state", page_ ? "watching" : "unavailable"}, {"value", nullptr}};
    if (!why_.empty()) status["why"] = why_;
    if (!page_) return status;
    status["mode"] = mode_ == Mode::poll ? "poll" : "timer";
    if (!why_timer_.empty()) status["why_timer"] = why_timer_;
    if (unsettled_ > most_unsettled) status["problem"] = "its page cannot be read";
    if (!last_) return status;
    status["value"] = last_->generation ? std::to_string(*last_->generation)
                                        : fmt::format("disruption {}", last_->disruption);
    status["disruption"] = last_->disruption;
    return status;
}

} // namespace rouse::restore
