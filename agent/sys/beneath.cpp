#include "agent/sys/beneath.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace rouse::sys {

namespace {

std::uint64_t resolve_flags(Within within) {
    switch (within) {
    case Within::beneath:
        return RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    case Within::root:
        return RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    case Within::no_links:
        break;
    }
    return RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
}

} // namespace

Result<UniqueFd> open_within(int directory, const std::string& path, int flags, Within within,
                             mode_t mode) {
    // Somebody who renames on and on gets EAGAIN instead of an answer that may be wrong.
    constexpr int most_tries = 128;
    open_how how{};
    how.flags = static_cast<unsigned>(flags) | static_cast<unsigned>(O_CLOEXEC);
    how.mode = (flags & O_CREAT) != 0 ? mode : 0;
    how.resolve = resolve_flags(within);
    for (int tries = 1;; ++tries) {
        const long fd = ::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how);
        if (fd >= 0) return UniqueFd(static_cast<int>(fd));
        const bool again = errno == EINTR || (errno == EAGAIN && tries < most_tries);
        if (!again) return last_error();
    }
}

std::string descriptor_path(int fd) {
    return "/proc/self/fd/" + std::to_string(fd);
}

} // namespace rouse::sys
