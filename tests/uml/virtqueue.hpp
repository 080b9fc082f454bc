#pragma once
// The device's side of one split virtqueue in the guest's memory, without indirect descriptors and
// without event indices: the device offers neither. Source: virtio 1.2, section 2.7.

#include "tests/uml/guest_memory.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace rouse::uml {

/// One request of the driver: buffers to read from and buffers to write to, borrowed from the
/// guest's memory.
struct Chain {
    std::uint16_t head = 0;
    std::vector<std::span<char>> readable;
    std::vector<std::span<char>> writable;

    [[nodiscard]] std::size_t readable_bytes() const;
    [[nodiscard]] std::size_t writable_bytes() const;
};

/// Where the three parts lie, in addresses of the frontend.
struct RingAddresses {
    std::uint64_t descriptors = 0;
    std::uint64_t used = 0;
    std::uint64_t available = 0;
};

/// Borrows the memory. What the driver breaks throws BadGuest.
class Virtqueue {
public:
    explicit Virtqueue(const GuestMemory& memory) : memory_(&memory) {}

    /// `size` entries: a power of two, at most 1024.
    void set_size(std::uint32_t size);
    /// Takes effect with the addresses of the whole ring, so the size comes first.
    void set_addresses(const RingAddresses& addresses);
    /// The next entry of the available ring.
    void set_base(std::uint16_t base) { next_available_ = base; }
    [[nodiscard]] std::uint16_t base() const { return next_available_; }
    void set_enabled(bool enabled) { enabled_ = enabled; }

    /// It has addresses and the driver has enabled it.
    [[nodiscard]] bool active() const { return enabled_ && !descriptors_.empty(); }

    /// How many requests wait.
    [[nodiscard]] unsigned waiting() const;
    /// The next request; nothing when none waits.
    [[nodiscard]] std::optional<Chain> pop();
    /// Hands a request back, with `written` bytes in its writable buffers.
    void push(const Chain& chain, std::uint32_t written);
    /// Whether the driver wants to be told about what was pushed.
    [[nodiscard]] bool wants_interrupt() const;

private:
    struct Descriptor {
        std::uint64_t address = 0;
        std::uint32_t length = 0;
        std::uint16_t flags = 0;
        std::uint16_t next = 0;
    };

    [[nodiscard]] Descriptor descriptor(std::uint16_t index) const;
    void add(Chain& chain, const Descriptor& descriptor) const;

    const GuestMemory* memory_;
    std::uint16_t size_ = 0;
    bool enabled_ = false;
    std::uint16_t next_available_ = 0;
    std::uint16_t next_used_ = 0;
    std::span<char> descriptors_;
    std::span<char> available_;
    std::span<char> used_;
};

} // namespace rouse::uml
