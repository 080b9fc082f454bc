#include "agent/sys/pipe.hpp"

#include "agent/sys/descriptor.hpp"

#include <array>
#include <string>

#include <fcntl.h>

namespace rouse::sys {

Result<Pipe> make_pipe(PipeMode mode) {
    std::array<int, 2> ends{};
    const int flags = mode == PipeMode::nonblocking ? O_CLOEXEC | O_NONBLOCK : O_CLOEXEC;
    if (::pipe2(ends.data(), flags) < 0) return last_error();
    Pipe pipe{.read = UniqueFd(ends[0]), .write = UniqueFd(ends[1])};
    // The ends are separate open file descriptions, so each has an O_NONBLOCK of its own.
    Result<> set;
    if (mode == PipeMode::nonblocking_read) set = set_nonblocking(pipe.read.get());
    if (mode == PipeMode::nonblocking_write) set = set_nonblocking(pipe.write.get());
    if (!set) return set.error();
    return pipe;
}

Result<UniqueFd> open_write_end(int fd, WriteMode mode) {
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    const int flags = O_WRONLY | O_CLOEXEC | O_NOCTTY;
    UniqueFd end(::open(path.c_str(), mode == WriteMode::nonblocking ? flags | O_NONBLOCK : flags));
    if (!end.valid()) return last_error();
    return end;
}

Result<std::size_t> set_pipe_capacity(int fd, std::size_t bytes) {
    const int given = ::fcntl(fd, F_SETPIPE_SZ, static_cast<int>(bytes));
    if (given < 0) return last_error();
    return static_cast<std::size_t>(given);
}

Result<std::size_t> pipe_capacity(int fd) {
    const int bytes = ::fcntl(fd, F_GETPIPE_SZ);
    if (bytes < 0) return last_error();
    return static_cast<std::size_t>(bytes);
}

} // namespace rouse::sys
