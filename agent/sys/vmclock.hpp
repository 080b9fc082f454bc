#pragma once
// vmclock: a page that the hypervisor shares with the guest, and by which it says that the VM was
// interrupted or restored.

#include "agent/sys/result.hpp"
#include "agent/sys/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace rouse::sys {

/// What the page says. Source: linux/vmclock-abi.h.
struct VmclockReading {
    std::uint32_t sequence = 0;
    std::uint64_t disruption = 0; ///< another one after a restore, and after a live migration
    /// Another one after each restore, where the hypervisor counts those. Two clones of one
    /// snapshot read the same: it is no identity.
    std::optional<std::uint64_t> generation;
    bool notifies = false; ///< the device tells of a change: poll(2) works

    friend bool operator==(const VmclockReading&, const VmclockReading&) = default;
};

/// Bytes of the page that parse_vmclock() looks at.
inline constexpr std::size_t vmclock_size = 0x70;

/// Reads the members. Nothing for another magic number or version, for too few bytes, and while the
/// hypervisor is writing.
std::optional<VmclockReading> parse_vmclock(std::span<const std::byte> page);

/// The page, mapped for reading.
class VmclockPage {
public:
    /// Maps the page of `fd`, which may be closed then. Errors: those of mmap(2).
    static Result<VmclockPage> map(int fd);

    VmclockPage(VmclockPage&& other) noexcept;
    VmclockPage& operator=(VmclockPage&& other) noexcept;
    VmclockPage(const VmclockPage&) = delete;
    VmclockPage& operator=(const VmclockPage&) = delete;
    ~VmclockPage();

    /// What the page says now. Tries a few times, without waiting: nothing while the hypervisor is
    /// in the middle of a change, or when it is no vmclock.
    [[nodiscard]] std::optional<VmclockReading> read() const;

private:
    explicit VmclockPage(const void* page) : page_(page) {}

    const void* page_;
};

/// Opens the device. Errors: those of open(2), ENOENT without one or without its driver.
Result<UniqueFd> open_vmclock(const std::string& path = "/dev/vmclock0");

/// Tells the driver that everything up to now was seen: poll(2) is readable when the page changes
/// again. The caller looks at the page before, since the driver waits up to 100 ms for the end of a
/// change that is being made, and behind it, for what came in between. Borrows.
/// Errors: ETIMEDOUT, those of pread(2). Source: linux, drivers/ptp/ptp_vmclock.c.
Result<> rearm_vmclock(int fd);

} // namespace rouse::sys
