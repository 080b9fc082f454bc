#pragma once
// Serves connections that arrive on this machine, a bounded number at a time.

#include "tools/host/local_listener.hpp"
#include "tools/host/tasks.hpp"

#include <functional>

namespace rouse::host {

/// Not thread-safe.
class LocalServer {
public:
    /// Deals with one connection, to its end. Cancelled when the server stops.
    using Serve = std::function<Awaitable<>(Socket socket)>;

    /// At most `most` connections are served; more wait until the kernel refuses them. `on_trouble`
    /// is told what escaped a connection.
    LocalServer(const Executor& executor, LocalListener listener, std::size_t most, Serve serve,
                std::function<void(const std::string& what)> on_trouble);

    /// Serves until cancelled by stop().
    Awaitable<> run();
    /// Ends run() and every connection.
    void stop();

private:
    struct Place;

    Awaitable<> accept_all();
    Awaitable<> serve_one(Socket socket);

    LocalListener listener_;
    std::size_t most_;
    Serve serve_;
    Tasks tasks_;
    Timer room_; ///< cancelled when a connection has ended
    std::size_t served_ = 0;
};

} // namespace rouse::host
