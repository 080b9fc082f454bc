#pragma once
// The ready probe: proves that who says hello is the agent of the target, and that exec works.

#include "proto/link.hpp"
#include "tools/host/dialer.hpp"

namespace rouse::host {

/// What a hello claims about its sender.
struct Claim {
    std::string boot_id;
    std::uint64_t epoch = 0;
    std::string link_key;
};

/// Whether the guest's answer bears the claim out; says which member differs.
Outcome<> verify(const proto::Ready& ready, const Claim& claim);

/// Asks `GET /v1/ready?nonce=…` over a fresh connection. Fails when no answer comes in time, and
/// when it repeats another nonce.
Awaitable<Outcome<proto::Ready>> probe(Dialer& dialer, std::string nonce,
                                       Clock::time_point deadline);

/// 128 random bits as 32 hexadecimal digits.
std::string random_nonce();

} // namespace rouse::host
