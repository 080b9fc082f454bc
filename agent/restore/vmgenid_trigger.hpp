#pragma once
// The VM generation id: user space cannot read it, and no uevent tells of a change, but the kernel
// says in its messages that it has reseeded its random generator for that reason.

#include "agent/restore/trigger.hpp"
#include "agent/sys/kmsg.hpp"

namespace rouse::restore {

/// Whether the record is the kernel's own word that this VM is another one now. A process may write
/// the same words to /dev/kmsg, but never as the kernel. Source: linux, drivers/char/random.c.
[[nodiscard]] bool is_vm_fork(const sys::KmsgRecord& record);

/// Signals a number of lines: that of the messages since the trigger was made. Silent on kernels
/// without the driver, and before the kernel's random generator is ready.
class VmgenidTrigger : public Trigger {
public:
    /// `messages` is what sys::open_kmsg() gave: what came before it was opened does not count.
    VmgenidTrigger(const io::Executor& executor, sys::Result<sys::UniqueFd> messages);

    [[nodiscard]] std::string_view name() const override { return "vmgenid"; }
    io::Awaitable<> watch(std::function<void(Signal)> tell) override;
    [[nodiscard]] boost::json::object status() const override;

private:
    enum class Step { wait, broken };

    Step take_records(const std::function<void(Signal)>& tell);
    void give_up(const sys::error_code& error);

    io::Descriptor messages_;
    std::string why_;         ///< it is unavailable
    std::uint64_t lines_ = 0; ///< that say so
    std::uint64_t lost_ = 0;  ///< times that messages were overwritten before they were read
};

} // namespace rouse::restore
