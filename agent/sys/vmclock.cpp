#include "agent/sys/vmclock.hpp"

#include "agent/sys/descriptor.hpp"

#include <array>
#include <atomic>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>

namespace rouse::sys {

namespace {

constexpr std::size_t page_bytes = 4096;

// Where the members are (linux/vmclock-abi.h), all little-endian.
constexpr std::size_t magic_at = 0x00;
constexpr std::size_t size_at = 0x04;
constexpr std::size_t version_at = 0x08;
constexpr std::size_t sequence_at = 0x0c;
constexpr std::size_t disruption_at = 0x10;
constexpr std::size_t flags_at = 0x18;
constexpr std::size_t generation_at = 0x68;

constexpr std::uint32_t magic = 0x4b4c4356; // "VCLK"
constexpr std::uint64_t flag_generation = 1U << 8U;
constexpr std::uint64_t flag_notifies = 1U << 9U;

std::uint64_t number_at(std::span<const std::byte> page, std::size_t at, std::size_t bytes) {
    std::uint64_t number = 0;
    for (std::size_t i = bytes; i > 0; --i)
        number = number << 8U | std::to_integer<std::uint64_t>(page[at + i - 1]);
    return number;
}

/// The hypervisor writes while we read, so every byte is really read here.
std::uint32_t sequence_now(const volatile std::uint8_t* page) {
    const std::uint32_t sequence =
        *reinterpret_cast<const volatile std::uint32_t*>(page + sequence_at);
    std::atomic_thread_fence(std::memory_order_acquire);
    return sequence;
}

} // namespace

std::optional<VmclockReading> parse_vmclock(std::span<const std::byte> page) {
    if (page.size() < vmclock_size) return std::nullopt;
    if (number_at(page, magic_at, 4) != magic || number_at(page, version_at, 2) != 1)
        return std::nullopt;
    const auto sequence = static_cast<std::uint32_t>(number_at(page, sequence_at, 4));
    if (sequence % 2 != 0) return std::nullopt; // The hypervisor is writing.
    const std::uint64_t flags = number_at(page, flags_at, 8);
    VmclockReading reading{.sequence = sequence,
                           .disruption = number_at(page, disruption_at, 8),
                           .generation = std::nullopt,
                           .notifies = (flags & flag_notifies) != 0};
    // The member is younger than the page: the flag and the size both say whether it is there.
    const bool has_generation =
        (flags & flag_generation) != 0 && number_at(page, size_at, 4) >= vmclock_size;
    if (has_generation) reading.generation = number_at(page, generation_at, 8);
    return reading;
}

Result<VmclockPage> VmclockPage::map(int fd) {
    const void* const page = ::mmap(nullptr, page_bytes, PROT_READ, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) return last_error();
    return VmclockPage(page);
}

VmclockPage::VmclockPage(VmclockPage&& other) noexcept
    : page_(std::exchange(other.page_, nullptr)) {}

VmclockPage& VmclockPage::operator=(VmclockPage&& other) noexcept {
    std::swap(page_, other.page_);
    return *this;
}

VmclockPage::~VmclockPage() {
    // Nothing can be done about a mapping that does not go.
    if (page_ != nullptr) (void)::munmap(const_cast<void*>(page_), page_bytes);
}

std::optional<VmclockReading> VmclockPage::read() const {
    constexpr int tries = 8;
    const auto* const page = static_cast<const volatile std::uint8_t*>(page_);
    std::array<std::byte, vmclock_size> copy{};
    for (int round = 0; round < tries; ++round) {
        const std::uint32_t before = sequence_now(page);
        for (std::size_t i = 0; i < copy.size(); ++i)
            copy[i] = std::byte{page[i]};
        std::atomic_thread_fence(std::memory_order_acquire);
        if (before == sequence_now(page) && before % 2 == 0) return parse_vmclock(copy);
    }
    return std::nullopt;
}

Result<UniqueFd> open_vmclock(const std::string& path) {
    return open_file(path, O_RDONLY | O_NONBLOCK);
}

Result<> rearm_vmclock(int fd) {
    std::array<char, vmclock_size> ignored{};
    for (;;) {
        if (::pread(fd, ignored.data(), ignored.size(), 0) >= 0) return {};
        if (errno != EINTR) return last_error();
    }
}

} // namespace rouse::sys
