#include "tools/host/probe.hpp"

#include "proto/text.hpp"
#include "tools/host/defence.hpp"
#include "tools/host/http_client.hpp"

#include <fmt/format.h>

#include <sys/random.h>

namespace rouse::host {

Outcome<> verify(const proto::Ready& ready, const Claim& claim) {
    if (ready.boot_id != claim.boot_id)
        return Failure("the hello's boot id is not that of the guest on the exec port");
    if (ready.epoch != claim.epoch)
        return Failure(fmt::format("the hello is of epoch {}, the guest is in epoch {}",
                                   claim.epoch, ready.epoch));
    if (link_key_is_off()) return {};
    // An empty key proves nothing: anybody can send one.
    if (claim.link_key.empty() || !proto::equal_constant_time(ready.link_key, claim.link_key))
        return Failure("wrong link key: whoever sent the hello is not the guest's agent");
    return {};
}

Awaitable<Outcome<proto::Ready>> probe(Dialer& dialer, std::string nonce,
                                       Clock::time_point deadline) {
    const HttpQuestion question{
        .method = "GET", .path = "/v1/ready?nonce=" + nonce, .body = {}, .upgrade = {}};
    auto answer = co_await http_ask(dialer, question, deadline);
    if (!answer) co_return answer.error();
    constexpr unsigned ok = 200;
    if (answer->status != ok)
        co_return Failure(
            fmt::format("'{}': ready probe: {}", dialer.target().text(), describe_answer(*answer)));
    auto ready = proto::parse_ready(answer->body);
    if (!ready)
        co_return Failure(
            fmt::format("'{}': ready probe: {}", dialer.target().text(), ready.error().message()));
    if (ready->nonce != nonce)
        co_return Failure(
            fmt::format("'{}': ready probe: another nonce came back", dialer.target().text()));
    co_return std::move(*ready);
}

std::string random_nonce() {
    std::string bytes(16, '\0');
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
        throw std::runtime_error("the kernel gives no random bytes"); // cannot happen below 256
    return proto::to_hex(bytes);
}

} // namespace rouse::host
