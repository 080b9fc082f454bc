// What tests of the sources of triggers share.
#pragma once

#include "agent/io/task_group.hpp"
#include "agent/restore/trigger.hpp"
#include "tests/support/run_until.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch_test_macros.hpp>

#include <string>
#include <utility>
#include <vector>

namespace rouse::test {

class TriggerRig {
public:
    void watch(restore::Trigger& trigger) {
        tasks.spawn("watch", trigger.watch([this](restore::Signal signal) {
            signals.push_back(std::move(signal));
        }));
    }
    /// Everything that can happen by itself has happened.
    void settle() {
        io.restart();
        while (io.poll_one() > 0) {
        }
    }

    boost::asio::io_context io{1};
    io::TaskGroup tasks{io.get_executor(), [](const std::string& task, const std::string& what) {
                            FAIL(task << ": " << what);
                        }};
    std::vector<restore::Signal> signals;
};

} // namespace rouse::test
