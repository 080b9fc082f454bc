#pragma once
// The one owner of a file descriptor on the host side.

#include <utility>

#include <unistd.h>

namespace rouse::host {

class Descriptor {
public:
    Descriptor() = default;
    /// Takes ownership of `fd`; -1 owns nothing.
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        if (this != &other) reset(other.release());
        return *this;
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() { reset(); }

    /// Borrows; -1 when nothing is owned.
    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] bool valid() const { return fd_ >= 0; }
    /// Gives the descriptor away.
    [[nodiscard]] int release() { return std::exchange(fd_, -1); }
    /// Closes what is owned and owns `fd`.
    void reset(int fd = -1) {
        if (fd_ >= 0) (void)::close(fd_); // gone either way (close(2))
        fd_ = fd;
    }

private:
    int fd_ = -1;
};

} // namespace rouse::host
