#include "agent/sys/terminal.hpp"

#include "agent/sys/descriptor.hpp"

#include <cstdint>
#include <limits>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

namespace rouse::sys {

namespace {

constexpr mode_t slave_mode = 0620;

bool fits(std::uint32_t characters) {
    return characters >= 1 && characters <= std::numeric_limits<unsigned short>::max();
}

Result<UniqueFd> open_master() {
    constexpr int flags = O_RDWR | O_NOCTTY | O_NONBLOCK;
    Result<UniqueFd> master = open_file("/dev/ptmx", flags);
    // A minimal /dev may have the file system and not the link to it.
    return master ? std::move(master) : open_file("/dev/pts/ptmx", flags);
}

Result<UniqueFd> open_slave(int master) {
    const int unlocked = 0;
    if (::ioctl(master, TIOCSPTLCK, &unlocked) < 0) return last_error();
    UniqueFd slave(::ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!slave.valid()) return last_error();
    return slave;
}

Result<> expect_utf8(int slave) {
    termios settings{};
    if (::tcgetattr(slave, &settings) < 0) return last_error();
    settings.c_iflag |= IUTF8;
    if (::tcsetattr(slave, TCSANOW, &settings) < 0) return last_error();
    return {};
}

} // namespace

Result<Terminal> open_terminal(TerminalSize size) {
    Result<UniqueFd> master = open_master();
    if (!master) return master.error();
    Result<UniqueFd> slave = open_slave(master->get());
    if (!slave) return slave.error();
    if (const Result<> done = expect_utf8(slave->get()); !done) return done.error();
    if (const Result<> done = set_size(master->get(), size); !done) return done.error();
    return Terminal{.master = std::move(*master), .slave = std::move(*slave)};
}

Result<> set_terminal_owner(int slave, uid_t uid) {
    constexpr auto same_group = static_cast<gid_t>(-1);
    if (::fchown(slave, uid, same_group) < 0) return last_error();
    if (::fchmod(slave, slave_mode) < 0) return last_error();
    return {};
}

Result<> set_size(int fd, TerminalSize size) {
    if (!fits(size.rows) || !fits(size.columns)) return error_from(EINVAL);
    const winsize wanted{.ws_row = static_cast<unsigned short>(size.rows),
                         .ws_col = static_cast<unsigned short>(size.columns),
                         .ws_xpixel = 0,
                         .ws_ypixel = 0};
    if (::ioctl(fd, TIOCSWINSZ, &wanted) < 0) return last_error();
    return {};
}

Result<TerminalSize> terminal_size(int fd) {
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) < 0) return last_error();
    return TerminalSize{.rows = size.ws_row, .columns = size.ws_col};
}

} // namespace rouse::sys
