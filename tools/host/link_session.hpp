#pragma once
// One link connection, as the host serves it.
//
//   hello --probe ok, PINGs--> acknowledged --CONFIRM--> confirmed   EVENTs at any time after the
//   ack
//     \--probe failed, wrong key, no common version--> ERROR, closed; displaces nobody

#include "tools/host/collector.hpp"

namespace rouse::host {

class LinkSession {
public:
    /// Borrows the collector.
    LinkSession(Collector& collector, Socket socket)
        : collector_(collector), stream_(std::move(socket)) {}

    /// Serves until the connection ends.
    Awaitable<> run();

private:
    Awaitable<Outcome<proto::LinkHello>> greet();
    Awaitable<Outcome<>> check(const proto::LinkHello& hello, Reception::Visit& visit);
    Awaitable<Outcome<>> acknowledge(proto::LinkHello hello);
    /// How long a frame takes to the guest and into its agent: the guest's clock is set to what
    /// ours says when the HELLO_ACK is there.
    Awaitable<Outcome<Clock::duration>> measure_way();
    /// Answers the guest's own PINGs meanwhile.
    Awaitable<Outcome<>> read_pong(Clock::time_point deadline);
    Awaitable<Outcome<>> follow();
    Awaitable<> refuse(std::string kind, std::string message);
    Awaitable<Outcome<>> take(const proto::Frame& frame);
    Awaitable<Outcome<>> take_event(const proto::Frame& frame);

    Collector& collector_;
    FrameStream stream_;
    Clock::time_point heard_ = Clock::now();
};

} // namespace rouse::host
