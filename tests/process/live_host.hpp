#pragma once
// A host in a thread of its own, as a collector is a process of its own: whatever the agent does,
// it is answered at once.

#include "tests/process/agent.hpp"
#include "tests/support/scripted_host.hpp"

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

namespace rouse::test {

/// Confirms every link with the generation that it was told, welcomes both streams of the output,
/// answers PING, and never reads any output.
class LiveHost {
public:
    /// Listens where the agent of `place` will dial.
    LiveHost(const AgentPlace& place, std::string generation);
    LiveHost(const LiveHost&) = delete;
    LiveHost& operator=(const LiveHost&) = delete;
    ~LiveHost();

    /// From here on the guest is told that it is this generation.
    void tell(std::string generation);

    /// Ends the link as a reset does; nothing when there is none. Also while it is being confirmed.
    void cut_link();

private:
    void run();
    void serve_link();
    void serve_output();
    void read_link();
    void drop_link();

    Endpoint guest_;
    ScriptedHost host_;
    std::vector<OutputConnection> outputs_;
    std::mutex mutex_; ///< of what follows
    std::string generation_;
    int link_ = -1; ///< borrowed from host_
    std::atomic<bool> stop_ = false;
    std::thread thread_; ///< last: begins when all else is there
};

} // namespace rouse::test
