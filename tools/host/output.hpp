#pragma once
// Writes to a descriptor that others share, such as our standard output, without changing it and
// without blocking the event loop.

#include "tools/host/async.hpp"
#include "tools/host/descriptor.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <string_view>

namespace rouse::host {

/// Asio would make the descriptor non-blocking, for everybody who shares it: the shell, too. So
/// what is written to is opened once more where that can be done, and an epoll of our own watches
/// it, as in Input.
class Output {
public:
    /// Borrows `fd`.
    Output(const Executor& executor, int fd);

    /// Writes all of it, waiting for the reader as long as it takes; false when the reader has
    /// gone. Borrows the bytes until it returns. One writer at a time.
    Awaitable<bool> write(std::string_view bytes);
    /// Writes what can be written without waiting: how many bytes.
    std::size_t write_now(std::string_view bytes);
    /// Ends a write that waits, and every later one.
    void close();

private:
    enum class Kind {
        plain,    ///< a file: never waits for a reader
        reopened, ///< an open file of our own, non-blocking
        socket,   ///< told with each call
        careful,  ///< could not be opened again: asked before each small write
    };

    static Kind open_again(int fd, Descriptor& own);
    [[nodiscard]] ssize_t write_some(std::string_view bytes) const;

    Descriptor own_;
    Kind kind_;
    int fd_;
    bool closed_ = false;
    asio::posix::stream_descriptor epoll_; ///< watches what is written to
};

} // namespace rouse::host
