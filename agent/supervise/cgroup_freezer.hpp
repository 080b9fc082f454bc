#pragma once
// Makes everything in the payload's control group stand still, and go on.

#include "agent/supervise/cgroups.hpp"
#include "agent/sys/freeze.hpp"

namespace rouse::supervise {

class CgroupFreezer {
public:
    /// Borrows `cgroups`. Reads from it where the groups are.
    CgroupFreezer(boost::asio::any_io_executor executor, BlockingAccess blocking,
                  const Cgroups& cgroups);

    /// Freezes the workload and all sessions, hooks excepted, and waits until they stand still.
    /// Empty: they do. Else why not: no cgroups, or which processes still move at the deadline
    /// (such as those that wait for a disk); then they are left as they are, and the caller thaws.
    /// One caller at a time.
    boost::asio::awaitable<std::string> freeze(std::chrono::milliseconds deadline);

    /// Lets everything go on; empty, or what went wrong. Whatever hangs in the workers, this is
    /// done. Harmless when nothing is frozen.
    boost::asio::awaitable<std::string> thaw(std::chrono::milliseconds deadline);

private:
    boost::asio::awaitable<bool> wait_until_frozen(std::string path,
                                                   std::chrono::steady_clock::time_point end);
    boost::asio::awaitable<std::string> who_moves(std::string path);

    boost::asio::any_io_executor executor_;
    BlockingAccess blocking_;
    const Cgroups& cgroups_;
};

} // namespace rouse::supervise
