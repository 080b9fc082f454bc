#pragma once
// Reads a descriptor that others share, such as our standard input, without changing it.

#include "tools/host/async.hpp"
#include "tools/host/descriptor.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>

namespace rouse::host {

/// Asio would make the descriptor non-blocking, for everybody who shares it: the shell, too. So an
/// epoll of our own watches it, and Asio watches that (an epoll descriptor is readable while
/// something it watches is: epoll(7)).
class Input {
public:
    /// Borrows `fd`. Regular files and /dev/null, which epoll refuses, are always readable.
    Input(const Executor& executor, int fd);

    /// Up to `limit` bytes as soon as there are any; empty at the end of the input, also for a
    /// descriptor that cannot be read.
    Awaitable<std::string> read(std::size_t limit);

private:
    int fd_;
    bool watched_ = false;
    asio::posix::stream_descriptor epoll_;
};

} // namespace rouse::host
