#pragma once
// The guest's memory as the frontend shares it with a vhost-user backend. Every access is checked:
// a guest that hands out an address or a length that is not its own must not reach ours.

#include "tools/host/descriptor.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <vector>

namespace rouse::uml {

/// What the guest or its kernel did against the rules of virtio or vhost-user.
class BadGuest : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// One region of VHOST_USER_SET_MEM_TABLE. Source: QEMU, docs/interop/vhost-user.rst.
struct MemoryRegion {
    std::uint64_t guest_address = 0;
    std::uint64_t size = 0;
    std::uint64_t user_address = 0; ///< the same bytes in the frontend's address space
    std::uint64_t offset = 0;       ///< of the region in its file
};

/// Owns the mappings.
class GuestMemory {
public:
    GuestMemory() = default;
    GuestMemory(GuestMemory&&) = default;
    GuestMemory& operator=(GuestMemory&&) = default;

    /// Maps one more region of `file`. Throws BadGuest when it overflows, is larger than its file,
    /// or cannot be mapped.
    void map(const MemoryRegion& region, const host::Descriptor& file);

    /// The bytes of [address, address + size). Throws BadGuest unless one region has all of them.
    [[nodiscard]] std::span<char> at_guest(std::uint64_t address, std::uint64_t size) const;
    [[nodiscard]] std::span<char> at_user(std::uint64_t address, std::uint64_t size) const;

private:
    /// Owns one mmap.
    class Mapping {
    public:
        Mapping(const MemoryRegion& region, int file);
        Mapping(Mapping&& other) noexcept;
        Mapping& operator=(Mapping&&) = delete;
        Mapping(const Mapping&) = delete;
        Mapping& operator=(const Mapping&) = delete;
        ~Mapping();

        MemoryRegion region;
        std::span<char> mapped; ///< from the start of the file
    };

    std::vector<Mapping> mappings_;
};

} // namespace rouse::uml
