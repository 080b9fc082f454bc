#include "agent/workload/readiness.hpp"

#include "agent/io/connect.hpp"
#include "agent/io/race.hpp"
#include "proto/exit_status.hpp"

#include <utility>
#include <variant>

namespace rouse::workload {

using io::Awaitable;

namespace {

/// Whether something on the loopback takes connections.
Awaitable<bool> listens(io::Executor executor, std::uint32_t port) {
    using Family = io::LoopbackAddress::Family;
    for (const Family family : {Family::v4, Family::v6}) {
        const io::Address address = io::LoopbackAddress{static_cast<std::uint16_t>(port), family};
        auto connecting = io::connect(executor, address, proto::limits::connect_else);
        const sys::Result<io::Socket> socket = co_await std::move(connecting);
        if (socket) co_return true;
    }
    co_return false;
}

/// Whoever gives the program up kills it.
struct Probe {
    Probe() = default;
    Probe(const Probe&) = delete;
    Probe& operator=(const Probe&) = delete;
    Probe(Probe&&) = delete;
    Probe& operator=(Probe&&) = delete;
    ~Probe() {
        if (child && child->running()) child->kill();
    }

    std::optional<supervise::Child> child;
    std::optional<proto::ExitStatus> exit;
};

Awaitable<> run_program(supervise::Spawner& spawner, proto::Command command, Probe& probe) {
    // It says nothing to anybody: what it has to say is its exit status.
    auto starting = spawner.start(std::move(command), {}, "ready");
    supervise::StartResult started = co_await std::move(starting);
    if (std::holds_alternative<proto::SpawnFailure>(started)) co_return;
    probe.child = std::move(std::get<supervise::Child>(started));
    auto waiting = probe.child->wait();
    probe.exit = co_await std::move(waiting);
}

Awaitable<bool> succeeds(supervise::Spawner& spawner, proto::Command command) {
    Probe probe;
    Awaitable<bool> timed = io::with_deadline(run_program(spawner, std::move(command), probe),
                                              proto::limits::ready_probe);
    const bool in_time = co_await std::move(timed);
    co_return in_time&& probe.exit&& proto::shell_exit_code(*probe.exit) == 0;
}

} // namespace

Awaitable<> until_ready(supervise::Spawner& spawner, io::Executor executor,
                        proto::ReadyConfig ready, proto::Command command) {
    if (ready.tcp == 0 && ready.command.empty()) co_await io::forever();
    command.argv = ready.command;
    for (;;) {
        Awaitable<bool> looking =
            ready.tcp != 0 ? listens(executor, ready.tcp) : succeeds(spawner, command);
        const bool is_ready = co_await std::move(looking);
        if (is_ready) co_return;
        Awaitable<> pausing = io::expire(ready.interval);
        co_await std::move(pausing);
    }
}

} // namespace rouse::workload
