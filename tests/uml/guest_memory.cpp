#include "tests/uml/guest_memory.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include <sys/mman.h>
#include <sys/stat.h>

namespace rouse::uml {
namespace {

/// Whether [address, address + size) lies in [start, start + length); no sum can overflow.
bool contains(std::uint64_t start, std::uint64_t length, std::uint64_t address,
              std::uint64_t size) {
    return address >= start && address - start <= length && size <= length - (address - start);
}

/// How many bytes of the file have to be mapped.
std::size_t mapped_size(const MemoryRegion& region, int file) {
    if (region.size == 0 || region.offset > std::numeric_limits<std::uint64_t>::max() - region.size)
        throw BadGuest("a memory region without bytes, or with more than there are addresses");
    struct stat facts {};
    if (fstat(file, &facts) != 0)
        throw BadGuest(fmt::format("a memory region's file: {}", std::strerror(errno)));
    const std::uint64_t end = region.offset + region.size;
    // Access behind the end of the file would raise SIGBUS here.
    if (facts.st_size < 0 || end > static_cast<std::uint64_t>(facts.st_size))
        throw BadGuest(fmt::format("a memory region of {} bytes in a file of {}", end,
                                   static_cast<long long>(facts.st_size)));
    return end;
}

} // namespace

GuestMemory::Mapping::Mapping(const MemoryRegion& wanted, int file) : region(wanted) {
    const std::size_t size = mapped_size(region, file);
    void* const start = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (start == MAP_FAILED)
        throw BadGuest(fmt::format("cannot map a memory region: {}", std::strerror(errno)));
    mapped = {static_cast<char*>(start), size};
}

GuestMemory::Mapping::Mapping(Mapping&& other) noexcept
    : region(other.region), mapped(std::exchange(other.mapped, {})) {}

GuestMemory::Mapping::~Mapping() {
    if (!mapped.empty()) (void)munmap(mapped.data(), mapped.size()); // cannot fail: it is ours
}

void GuestMemory::map(const MemoryRegion& region, const host::Descriptor& file) {
    mappings_.emplace_back(region, file.get());
}

std::span<char> GuestMemory::at_guest(std::uint64_t address, std::uint64_t size) const {
    for (const Mapping& mapping : mappings_) {
        const MemoryRegion& region = mapping.region;
        if (contains(region.guest_address, region.size, address, size))
            return mapping.mapped.subspan(region.offset + (address - region.guest_address), size);
    }
    throw BadGuest(
        fmt::format("{} bytes at guest address {:#x} are not its memory", size, address));
}

std::span<char> GuestMemory::at_user(std::uint64_t address, std::uint64_t size) const {
    for (const Mapping& mapping : mappings_) {
        const MemoryRegion& region = mapping.region;
        if (contains(region.user_address, region.size, address, size))
            return mapping.mapped.subspan(region.offset + (address - region.user_address), size);
    }
    throw BadGuest(fmt::format("{} bytes at address {:#x} of the frontend are not the guest's",
                               size, address));
}

} // namespace rouse::uml
