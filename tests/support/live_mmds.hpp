// The metadata service of Firecracker in a thread of its own, for agents that run as processes.
#pragma once

#include "tests/support/mmds_fake.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace rouse::test {

/// Answers from its construction to its destruction. Its functions may be called by any thread.
class LiveMmds {
public:
    struct Request {
        std::string what; ///< "METHOD PATH"
        std::chrono::steady_clock::time_point when;
    };

    explicit LiveMmds(boost::json::value data, MmdsFakeOptions options = {});
    LiveMmds(const LiveMmds&) = delete;
    LiveMmds& operator=(const LiveMmds&) = delete;
    ~LiveMmds();

    /// As the host's `PUT /mmds`: what is asked after this is answered with it.
    void put(boost::json::value data);
    /// Those that came so far.
    [[nodiscard]] std::vector<Request> requests();
    /// `restore.mmds` in the configuration of an agent that asks here, each 100 ms, with `more`.
    [[nodiscard]] boost::json::object config(boost::json::object more) const;

private:
    boost::asio::io_context io_{1};
    MmdsFake service_;
    std::vector<Request> requests_;
    std::thread thread_; ///< last: begins when all else is there
};

} // namespace rouse::test
