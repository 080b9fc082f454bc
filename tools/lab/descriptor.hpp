// An owned file descriptor.
#pragma once

#include <utility>

#include <unistd.h>

namespace rouse::lab {

/// Owns one file descriptor and closes it. Empty when default-made or moved from.
class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        if (this != &other) reset(std::exchange(other.number_, -1));
        return *this;
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() { reset(); }

    [[nodiscard]] bool is_open() const { return number_ >= 0; }

    /// The number, borrowed; -1 when empty.
    [[nodiscard]] int get() const { return number_; }

    /// Closes what is owned and takes over `number`.
    void reset(int number = -1) {
        if (number_ >= 0) close(number_);
        number_ = number;
    }

private:
    int number_ = -1;
};

} // namespace rouse::lab
