#pragma once
// One bound for the memory that streams keep back for hosts and clients, all together: retained
// pages and the capacity of pipes. A share is given back when its owner goes. One thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

namespace rouse::io {

class MemoryBudget {
public:
    /// Bytes of the budget that belong to somebody. Does not outlive the budget.
    class Share {
    public:
        Share(Share&& other) noexcept
            : budget_(std::exchange(other.budget_, nullptr)), bytes_(other.bytes_) {}
        Share& operator=(Share&& other) noexcept {
            std::swap(budget_, other.budget_);
            std::swap(bytes_, other.bytes_);
            return *this;
        }
        Share(const Share&) = delete;
        Share& operator=(const Share&) = delete;
        ~Share() { shrink_to(0); }

        [[nodiscard]] std::size_t bytes() const { return bytes_; }
        /// Gives back what is above `bytes`.
        void shrink_to(std::size_t bytes) {
            if (budget_ == nullptr || bytes >= bytes_) return;
            budget_->used_ -= bytes_ - bytes;
            bytes_ = bytes;
        }

        /// Takes more, up to `bytes` in all. False when that is more than is left: nothing changes
        /// then, and it is counted.
        bool grow_to(std::size_t bytes) {
            if (bytes <= bytes_) return true;
            std::optional<Share> more = budget_->take(bytes - bytes_);
            if (!more) return false;
            more->budget_ = nullptr; // It is ours now.
            bytes_ = bytes;
            return true;
        }

    private:
        friend class MemoryBudget;
        Share(MemoryBudget& budget, std::size_t bytes) : budget_(&budget), bytes_(bytes) {}

        MemoryBudget* budget_;
        std::size_t bytes_;
    };

    explicit MemoryBudget(std::size_t limit) : limit_(limit) {}
    MemoryBudget(const MemoryBudget&) = delete;
    MemoryBudget& operator=(const MemoryBudget&) = delete;
    MemoryBudget(MemoryBudget&&) = delete;
    MemoryBudget& operator=(MemoryBudget&&) = delete;
    ~MemoryBudget() = default;

    /// A share of `bytes`; nothing when that is more than is left, which is counted: the caller
    /// makes do with less, or refuses.
    std::optional<Share> take(std::size_t bytes) {
        if (bytes > limit_ - used_) {
            ++refusals_;
            return std::nullopt;
        }
        used_ += bytes;
        return Share(*this, bytes);
    }

    [[nodiscard]] std::size_t limit() const { return limit_; }
    [[nodiscard]] std::size_t used() const { return used_; }
    /// How often less was left than somebody wanted.
    [[nodiscard]] std::uint64_t refusals() const { return refusals_; }

private:
    std::size_t limit_;
    std::size_t used_ = 0;
    std::uint64_t refusals_ = 0;
};

} // namespace rouse::io
