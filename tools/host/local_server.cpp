#include "tools/host/local_server.hpp"

namespace rouse::host {

LocalServer::LocalServer(const Executor& executor, LocalListener listener, std::size_t most,
                         Serve serve, std::function<void(const std::string& what)> on_trouble)
    : listener_(std::move(listener)), most_(most), serve_(std::move(serve)),
      tasks_(executor, std::move(on_trouble)), room_(executor, Clock::time_point::max()) {}

Awaitable<> LocalServer::run() {
    tasks_.spawn(accept_all());
    co_await tasks_.join();
}

void LocalServer::stop() {
    tasks_.cancel();
}

Awaitable<> LocalServer::accept_all() {
    for (;;) {
        while (served_ >= most_)
            (void)co_await room_.async_wait(no_throw); // cancelled when there is room
        auto accepted = co_await listener_.accept();
        if (!accepted) co_return;
        tasks_.spawn(serve_one(std::move(*accepted)));
    }
}

/// Holds a place as long as it lives.
struct LocalServer::Place {
    explicit Place(LocalServer& owner) : server(owner) { ++server.served_; }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
        --server.served_;
        server.room_.cancel();
    }

    LocalServer& server;
};

Awaitable<> LocalServer::serve_one(Socket socket) {
    const Place place(*this);
    Awaitable<> serving = serve_(std::move(socket));
    co_await std::move(serving);
}

} // namespace rouse::host
