#pragma once
// Pipes.

#include "agent/sys/result.hpp"
#include "agent/sys/unique_fd.hpp"

#include <cstddef>

namespace rouse::sys {

struct Pipe {
    UniqueFd read;
    UniqueFd write;
};

enum class PipeMode {
    blocking,          ///< both ends block
    nonblocking,       ///< neither end blocks: a pipe that only the agent uses
    nonblocking_read,  ///< we read, a child writes: programs do not expect EAGAIN on stdout
    nonblocking_write, ///< we write, a child reads
};

/// Makes a pipe; both ends are close-on-exec. Errors: EMFILE, ENFILE. Source: pipe(2).
Result<Pipe> make_pipe(PipeMode mode);

enum class WriteMode { blocking, nonblocking };

/// Another write end of the pipe that `fd` is an end of, with a mode of its own: it blocks, or not,
/// whatever the other ones do. Errors: EACCES when the pipe belongs to somebody else and we are not
/// root; ENOENT without /proc. Source: proc(5), /proc/[pid]/fd; fifo(7).
Result<UniqueFd> open_write_end(int fd, WriteMode mode);

/// Asks for a capacity of `bytes` and returns what the kernel gave, at least that. Either end will
/// do. Errors: EPERM above /proc/sys/fs/pipe-max-size without CAP_SYS_RESOURCE, or beyond the pages
/// a user may have in pipes; EBUSY when more is already in it. Source: fcntl(2), F_SETPIPE_SZ.
Result<std::size_t> set_pipe_capacity(int fd, std::size_t bytes);

/// Capacity in bytes. Source: fcntl(2), F_GETPIPE_SZ.
Result<std::size_t> pipe_capacity(int fd);

} // namespace rouse::sys
