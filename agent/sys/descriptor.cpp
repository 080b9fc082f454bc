#include "agent/sys/descriptor.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>

namespace rouse::sys {

namespace {

Result<Moved> outcome_of(ssize_t count, IoOutcome at_zero) {
    if (count > 0)
        return Moved{.outcome = IoOutcome::moved, .bytes = static_cast<std::size_t>(count)};
    if (count == 0) return Moved{.outcome = at_zero, .bytes = 0};
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return Moved{.outcome = IoOutcome::would_block, .bytes = 0};
    return last_error();
}

} // namespace

Result<UniqueFd> open_file(const std::string& path, int flags, mode_t mode) {
    for (;;) {
        UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
        if (fd.valid()) return fd;
        if (errno != EINTR) return last_error();
    }
}

Result<Moved> read_some(int fd, std::span<char> buffer) {
    ssize_t count = 0;
    do
        count = ::read(fd, buffer.data(), buffer.size());
    while (count < 0 && errno == EINTR);
    return outcome_of(count, IoOutcome::end_of_stream);
}

Result<Moved> write_some(int fd, std::string_view bytes) {
    ssize_t count = 0;
    do
        count = ::write(fd, bytes.data(), bytes.size());
    while (count < 0 && errno == EINTR);
    return outcome_of(count, IoOutcome::moved);
}

Result<> write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const Result<Moved> moved = write_some(fd, bytes);
        if (!moved) return moved.error();
        if (moved->bytes == 0) return error_from(EIO);
        bytes.remove_prefix(moved->bytes);
    }
    return {};
}

Result<> set_nonblocking(int fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return last_error();
    return {};
}

Result<> set_close_on_exec(int fd) {
    const int flags = ::fcntl(fd, F_GETFD);
    if (flags < 0 || ::fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0) return last_error();
    return {};
}

Result<> set_owner(int fd, uid_t user, gid_t group) {
    if (::fchown(fd, user, group) != 0) return last_error();
    return {};
}

Result<std::size_t> bytes_readable(int fd) {
    int count = 0;
    if (::ioctl(fd, FIONREAD, &count) < 0) return last_error();
    return static_cast<std::size_t>(count);
}

} // namespace rouse::sys
