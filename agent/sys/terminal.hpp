#pragma once
// Pseudo-terminals.

#include "agent/sys/result.hpp"
#include "agent/sys/unique_fd.hpp"
#include "proto/session.hpp"

#include <sys/types.h>

namespace rouse::sys {

/// Characters; the kernel knows 1 to 65535 of each.
using proto::TerminalSize;

/// Once the last descriptor of the slave is closed, a read of the master gives what is left and
/// then fails with EIO; that is its end of stream. Once the master is closed, the slave is hung up:
/// its session gets SIGHUP. Source: pty(7).
struct Terminal {
    UniqueFd master; ///< ours; does not block
    UniqueFd slave;  ///< for the child, as 0, 1 and 2; blocks; never becomes our own terminal
};

/// Makes a pair with the kernel's usual settings (echo, signals by key, newline to carriage return
/// and newline) and IUTF8, so that erasing takes a whole character. Works without /dev/pts being
/// mounted where it usually is. Both are close-on-exec.
/// Errors: EINVAL for a size out of range; ENOENT or ENODEV without devpts; ENOSPC when all are
/// taken. Source: pty(7); ioctl_tty(2), TIOCGPTPEER.
Result<Terminal> open_terminal(TerminalSize size);

/// Gives the slave to a user, as login(1) does: its group, usually tty, may write to it.
/// Errors: EPERM. Source: fchown(2), fchmod(2).
Result<> set_terminal_owner(int slave, uid_t uid);

/// Either side will do; borrowed. The foreground process group gets SIGWINCH if it is a change.
/// Errors: EINVAL for a size out of range, ENOTTY. Source: ioctl_tty(2), TIOCSWINSZ.
Result<> set_size(int fd, TerminalSize size);

/// Errors: ENOTTY. Source: ioctl_tty(2), TIOCGWINSZ.
Result<TerminalSize> terminal_size(int fd);

} // namespace rouse::sys
