#include "tests/process/forger.hpp"

#include "tools/lab/relay.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace rouse::test {

FrameConnection dial_host(const AgentPlace& place, std::uint32_t port) {
    auto connected = lab::connect_unix(fmt::format("{}_{}", place.socket().string(), port));
    if (!connected) throw std::runtime_error(fmt::format("nobody listens on port {}", port));
    return FrameConnection(Connection(std::move(*connected)));
}

proto::OutputHello forged_hello(const Endpoint& agent, std::string generation) {
    const boost::json::value known = status(agent);
    return {.versions = {1},
            .boot_id = text_at(known, "/boot_id"),
            .generation = std::move(generation),
            .parent_generation = std::nullopt,
            .epoch = number_at(known, "/epoch"),
            .link_key = std::string(32, '0'),
            .stream = "stdout",
            .oldest = 0,
            .next = 1U << 30U};
}

} // namespace rouse::test
