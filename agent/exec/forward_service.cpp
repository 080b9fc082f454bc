#include "agent/exec/forward_service.hpp"

#include "agent/exec/forward_stream.hpp"
#include "proto/frame.hpp"
#include "proto/limits.hpp"

#include <fmt/format.h>

#include <utility>

namespace rouse::exec {

/// Counts a stream as long as it lives.
struct ForwardService::Place {
    explicit Place(std::uint64_t& open) : count(open) { ++count; }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    Place(Place&&) = delete;
    Place& operator=(Place&&) = delete;
    ~Place() { --count; }

    std::uint64_t& count;
};

io::HttpRoute ForwardService::route() {
    io::HttpRoute route;
    route.upgrade = [this](io::HttpRequest request, io::Socket& socket, std::string received) {
        return stream(std::move(request), socket, std::move(received));
    };
    route.upgrade_token = proto::exec_upgrade_token;
    route.before_upgrade = [this](const io::HttpRequest& request) { return check(request); };
    return route;
}

io::Awaitable<std::optional<io::HttpReply>>
ForwardService::check(const io::HttpRequest& request) const {
    const proto::Parsed<proto::ForwardRequest> parsed = proto::parse_forward_request(request.body);
    if (!parsed) co_return io::HttpReply::error(400, "bad_request", parsed.error().message());
    if (open_ >= proto::limits::forwards)
        co_return io::HttpReply::error(503, "busy", fmt::format("{} forwards are open", open_));
    co_return std::nullopt;
}

io::Awaitable<> ForwardService::stream(io::HttpRequest request, io::Socket& socket,
                                       std::string received) {
    proto::Parsed<proto::ForwardRequest> parsed = proto::parse_forward_request(request.body);
    ForwardStream stream(socket, std::move(received));
    // check() ran before the upgrade; the last place may have been taken since.
    if (!parsed || open_ >= proto::limits::forwards) {
        io::Awaitable<> refusing = stream.refuse("busy", "too many forwards are open");
        co_await std::move(refusing);
        co_return;
    }
    const Place place(open_);
    io::Awaitable<> running = stream.run(std::move(*parsed));
    co_await std::move(running);
}

} // namespace rouse::exec
