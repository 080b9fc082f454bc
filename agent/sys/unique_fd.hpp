#pragma once
// The one owner of a file descriptor. A bare int only borrows.

#include <utility>

#include <unistd.h>

namespace rouse::sys {

class UniqueFd {
public:
    UniqueFd() = default;
    /// Takes ownership of `fd`; -1 owns nothing.
    explicit UniqueFd(int fd) : fd_(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        reset(other.release());
        return *this;
    }
    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;
    ~UniqueFd() { reset(); }

    /// Borrows. -1 when nothing is owned. There is no `operator bool`: 0 is a descriptor.
    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] bool valid() const { return fd_ >= 0; }
    /// Gives the descriptor away.
    [[nodiscard]] int release() { return std::exchange(fd_, -1); }
    /// Closes. An error of close(2) is not an error of ours: the descriptor is gone either way, and
    /// a repeated close could hit somebody else's (close(2), "Dealing with error returns").
    void reset(int fd = -1) {
        if (fd_ >= 0) (void)::close(fd_);
        fd_ = fd;
    }

private:
    int fd_ = -1;
};

} // namespace rouse::sys
