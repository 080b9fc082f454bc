// A loop with a reaper, as the agent has them, for tests that start processes.
#pragma once

#include "agent/supervise/spawner.hpp"
#include "agent/sys/descriptor.hpp"
#include "agent/sys/signals.hpp"
#include "tests/support/run_until.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>

#include <optional>
#include <string>

namespace rouse::test {

class SuperviseRig {
public:
    SuperviseRig() : child_signal_(io, SIGCHLD) { wait_for_signal(); }

    /// Starts `command` and returns what start() gave. Fails the test at a deadline.
    supervise::StartResult start(const proto::Command& command, supervise::Stdio stdio = {}) {
        std::optional<supervise::StartResult> result;
        boost::asio::co_spawn(io, spawner.start(command, stdio),
                              [&](const std::exception_ptr&, supervise::StartResult started) {
                                  result.emplace(std::move(started));
                              });
        if (!run_until(io, [&] { return result.has_value(); }))
            throw std::runtime_error("the process did not start in time");
        return std::move(*result);
    }

    /// Runs the loop until the child is reaped.
    proto::ExitStatus finish(const supervise::Child& child) {
        if (!run_until(io, [&] { return !child.running(); }))
            throw std::runtime_error("the process did not end in time");
        return child.status().value();
    }

    /// Runs a shell script to its end.
    proto::ExitStatus shell(const std::string& script, supervise::Stdio stdio = {}) {
        supervise::StartResult started =
            start({.argv = {"/bin/sh", "-c", script}, .env = {}, .cwd = "/", .user = ""}, stdio);
        return finish(std::get<supervise::Child>(started));
    }

    boost::asio::io_context io{1};
    supervise::Reaper reaper;
    supervise::Spawner spawner{reaper, io.get_executor()};

private:
    void wait_for_signal() {
        child_signal_.async_wait([this](const boost::system::error_code& error, int) {
            if (error) return;
            reaper.reap();
            wait_for_signal();
        });
    }

    boost::asio::signal_set child_signal_;
};

} // namespace rouse::test
