#pragma once
// `POST /v1/forward`: streams to ports and sockets of the guest.

#include "agent/io/http.hpp"

#include <cstdint>

namespace rouse::exec {

class ForwardService {
public:
    ForwardService() = default;
    ForwardService(const ForwardService&) = delete;
    ForwardService& operator=(const ForwardService&) = delete;
    ForwardService(ForwardService&&) = delete;
    ForwardService& operator=(ForwardService&&) = delete;
    ~ForwardService() = default;

    /// Ready for the table of routes. Borrows the service.
    [[nodiscard]] io::HttpRoute route();

    /// Streams that are open.
    [[nodiscard]] std::uint64_t open() const { return open_; }

private:
    struct Place;

    [[nodiscard]] io::Awaitable<std::optional<io::HttpReply>>
    check(const io::HttpRequest& request) const;
    io::Awaitable<> stream(io::HttpRequest request, io::Socket& socket, std::string received);

    std::uint64_t open_ = 0;
};

} // namespace rouse::exec
