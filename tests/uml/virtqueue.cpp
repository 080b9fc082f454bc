#include "tests/uml/virtqueue.hpp"

#include <fmt/format.h>

#include <atomic>
#include <bit>
#include <cstring>

namespace rouse::uml {
namespace {

constexpr std::uint32_t largest_ring = 1024;
constexpr std::size_t descriptor_size = 16;
constexpr std::size_t ring_head = 4;           // flags and index, both in the rings' first bytes
constexpr std::size_t available_entry = 2;     // an index of a descriptor
constexpr std::size_t used_entry = 8;          // index and length, 4 bytes each
constexpr std::size_t event_field = 2;         // behind both rings, unused without event indices
constexpr std::uint16_t flag_next = 1;         // the chain goes on
constexpr std::uint16_t flag_write = 2;        // the device writes
constexpr std::uint16_t flag_indirect = 4;     // not offered
constexpr std::uint16_t flag_no_interrupt = 1; // of the available ring
constexpr std::size_t most_bytes = std::size_t{1} << 20U; // of one chain: packets have 64 KiB

/// Both sides are little-endian: UML runs on this machine's own processor.
static_assert(std::endian::native == std::endian::little);

template <typename T>
T load(std::span<const char> bytes, std::size_t offset) {
    T value{};
    std::memcpy(&value, bytes.subspan(offset, sizeof value).data(), sizeof value);
    return value;
}

template <typename T>
void store(std::span<char> bytes, std::size_t offset, T value) {
    std::memcpy(bytes.subspan(offset, sizeof value).data(), &value, sizeof value);
}

/// The index of a ring, which the other side reads and writes at the same time.
std::atomic_ref<std::uint16_t> index_of(std::span<char> ring) {
    return std::atomic_ref<std::uint16_t>(
        *reinterpret_cast<std::uint16_t*>(ring.subspan(2, 2).data()));
}

std::size_t total(const std::vector<std::span<char>>& buffers) {
    std::size_t sum = 0;
    for (const std::span<char>& buffer : buffers)
        sum += buffer.size();
    return sum;
}

} // namespace

std::size_t Chain::readable_bytes() const {
    return total(readable);
}

std::size_t Chain::writable_bytes() const {
    return total(writable);
}

void Virtqueue::set_size(std::uint32_t size) {
    if (size == 0 || size > largest_ring || !std::has_single_bit(size))
        throw BadGuest(fmt::format("a ring of {} entries", size));
    size_ = static_cast<std::uint16_t>(size);
    descriptors_ = available_ = used_ = {};
}

void Virtqueue::set_addresses(const RingAddresses& addresses) {
    if (size_ == 0) throw BadGuest("a ring has addresses before it has a size");
    if (addresses.available % 2 != 0 || addresses.used % 4 != 0)
        throw BadGuest("a ring that is not aligned");
    const std::size_t size = size_;
    descriptors_ = memory_->at_user(addresses.descriptors, size * descriptor_size);
    available_ =
        memory_->at_user(addresses.available, ring_head + size * available_entry + event_field);
    used_ = memory_->at_user(addresses.used, ring_head + size * used_entry + event_field);
    next_used_ = index_of(used_).load(std::memory_order_acquire);
}

unsigned Virtqueue::waiting() const {
    if (!active()) return 0;
    const std::uint16_t index = index_of(available_).load(std::memory_order_acquire);
    const auto count = static_cast<std::uint16_t>(index - next_available_);
    if (count > size_)
        throw BadGuest(fmt::format("{} requests wait in a ring of {}", count, size_));
    return count;
}

std::optional<Chain> Virtqueue::pop() {
    if (waiting() == 0) return std::nullopt;
    const std::size_t slot = next_available_ % size_;
    Chain chain;
    chain.head = load<std::uint16_t>(available_, ring_head + slot * available_entry);
    ++next_available_;
    Descriptor current = descriptor(chain.head);
    add(chain, current);
    for (unsigned length = 1; (current.flags & flag_next) != 0; ++length) {
        if (length >= size_) throw BadGuest("a chain of descriptors without an end");
        current = descriptor(current.next);
        add(chain, current);
    }
    return chain;
}

Virtqueue::Descriptor Virtqueue::descriptor(std::uint16_t index) const {
    if (index >= size_) throw BadGuest(fmt::format("descriptor {} of {}", index, size_));
    const std::span<const char> raw =
        descriptors_.subspan(index * descriptor_size, descriptor_size);
    // Read once: the guest may change it while it is looked at.
    const Descriptor found{.address = load<std::uint64_t>(raw, 0),
                           .length = load<std::uint32_t>(raw, 8),
                           .flags = load<std::uint16_t>(raw, 12),
                           .next = load<std::uint16_t>(raw, 14)};
    if ((found.flags & flag_indirect) != 0)
        throw BadGuest("an indirect descriptor, which was not offered");
    return found;
}

void Virtqueue::add(Chain& chain, const Descriptor& descriptor) const {
    const std::span<char> buffer = memory_->at_guest(descriptor.address, descriptor.length);
    auto& side = (descriptor.flags & flag_write) != 0 ? chain.writable : chain.readable;
    side.push_back(buffer);
    if (chain.readable_bytes() + chain.writable_bytes() > most_bytes)
        throw BadGuest("a chain of more than 1 MiB");
}

void Virtqueue::push(const Chain& chain, std::uint32_t written) {
    const std::size_t at = ring_head + (next_used_ % size_) * used_entry;
    store<std::uint32_t>(used_, at, chain.head);
    store<std::uint32_t>(used_, at + 4, written);
    ++next_used_;
    index_of(used_).store(next_used_, std::memory_order_release);
}

bool Virtqueue::wants_interrupt() const {
    // The driver's flag must not be read before it can see what was pushed (virtio 1.2, 2.7.7.2).
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return (load<std::uint16_t>(available_, 0) & flag_no_interrupt) == 0;
}

} // namespace rouse::uml
