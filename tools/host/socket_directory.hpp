#pragma once
// A directory in which virtual machines have their hybrid Unix sockets.

#include "tools/host/async.hpp"
#include "tools/host/descriptor.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <filesystem>
#include <vector>

namespace rouse::host {

class SocketDirectory {
public:
    /// Fails when it cannot be watched.
    static Outcome<SocketDirectory> open(const Executor& executor, std::filesystem::path path);

    /// The sockets in it, by path; not those at which a host listens for its guest (NAME_PORT).
    [[nodiscard]] std::vector<std::string> sockets() const;

    /// Returns when something in it may have changed since it was opened or since the last call.
    /// False when it is gone, or the wait was cancelled.
    Awaitable<bool> changed();
    /// Ends what waits.
    void close();

private:
    SocketDirectory(asio::posix::stream_descriptor watch, std::filesystem::path path)
        : watch_(std::move(watch)), path_(std::move(path)) {}

    asio::posix::stream_descriptor watch_; ///< an inotify descriptor
    std::filesystem::path path_;
};

} // namespace rouse::host
