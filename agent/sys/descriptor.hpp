#pragma once
// Reading, writing and flags of descriptors, whatever they stand for.

#include "agent/sys/result.hpp"
#include "agent/sys/unique_fd.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace rouse::sys {

enum class IoOutcome { moved, end_of_stream, would_block };

/// What one read or write did. `bytes` is 0 unless `outcome` is `moved`.
struct Moved {
    IoOutcome outcome = IoOutcome::would_block;
    std::size_t bytes = 0;
};

/// Opens with O_CLOEXEC added to `flags`; `mode` counts when a file is created.
/// Errors: those of open(2). Source: open(2).
Result<UniqueFd> open_file(const std::string& path, int flags, mode_t mode = 0);

/// One read(2) into `buffer`, repeated after EINTR. Borrows `fd`. Source: read(2).
Result<Moved> read_some(int fd, std::span<char> buffer);

/// One write(2), repeated after EINTR. Borrows `fd`; may write less than all. The caller ignores
/// SIGPIPE. Errors: EPIPE when no reader is left. Source: write(2).
Result<Moved> write_some(int fd, std::string_view bytes);

/// Writes all of `bytes` to what takes them as they come, such as a file. Borrows `fd`. Errors:
/// those of write(2), and EIO when it would have to wait. What came before stays written.
Result<> write_all(int fd, std::string_view bytes);

/// Sets O_NONBLOCK on the open file description: everyone who shares it is affected, so never do
/// this to the end that a workload has. Source: fcntl(2), F_SETFL.
Result<> set_nonblocking(int fd);

/// Sets FD_CLOEXEC, for descriptors that somebody else made. Source: fcntl(2), F_SETFD.
Result<> set_close_on_exec(int fd);

/// Gives a pipe to a user: who is not root opens /dev/stdout again only where it is his.
/// Errors: EPERM. Source: fchown(2), proc_pid_fd(5).
Result<> set_owner(int fd, uid_t user, gid_t group);

/// Bytes that a read would find now. Source: ioctl_tty(2), FIONREAD; pipe(7).
Result<std::size_t> bytes_readable(int fd);

} // namespace rouse::sys
