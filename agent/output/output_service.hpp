#pragma once
// Owns the relays of the workload's stdout and stderr.

#include "agent/io/memory_budget.hpp"
#include "agent/io/task_group.hpp"
#include "agent/output/relay.hpp"
#include "agent/output/retained_output.hpp"
#include "agent/sys/pipe.hpp"

#include <memory>
#include <vector>

#include <sys/types.h>

namespace rouse::output {

/// Write ends for descriptors 1 and 2 of the workload. They block, as programs expect, unless they
/// were asked for otherwise.
struct WorkloadPipes {
    sys::UniqueFd out;
    sys::UniqueFd err;
};

/// One thread. Outlives the tasks that it starts in the group; the caller ignores SIGPIPE.
class OutputService {
public:
    /// Borrows group, registry and budget.
    OutputService(io::Executor executor, io::TaskGroup& tasks, io::ConnectionRegistry& registry,
                  io::MemoryBudget& memory, OutputOptions options, OutputCallbacks callbacks);
    OutputService(const OutputService&) = delete;
    OutputService& operator=(const OutputService&) = delete;
    OutputService(OutputService&&) = delete;
    OutputService& operator=(OutputService&&) = delete;
    ~OutputService() = default;

    /// Makes both streams and starts to fill them. The pipes belong to `user` and `group`, so that
    /// the workload may reopen /dev/stdout. The caller closes its ends once the workload has them:
    /// as long as it does not, there is no end of stream. Call it once.
    /// Pipes are smaller where the budget has less left than the retention needs.
    /// Errors: EMFILE, ENFILE; EPERM when the owner cannot be changed; EALREADY when called again;
    /// ENOBUFS when the budget is used up.
    sys::Result<WorkloadPipes> open(uid_t user, gid_t group);

    /// Connects both streams, now or as soon as they are open: the host takes this as the sign
    /// that exec works, so it comes after confirm. Nothing happens for the epoch of the last call;
    /// a new epoch drops what the old one had. A stream that is finished is announced again.
    void connect(OutputIdentity identity);
    /// Fence: drops both connections at once and dials no more. Filling goes on.
    void disconnect();

    /// Other write ends of the same streams, for another run of the workload or for what writes in
    /// its name. Of a stream that has ended, and of all before open(), there is none.
    [[nodiscard]] WorkloadPipes write_ends(sys::WriteMode mode) const;

    /// The last process of the workload was reaped. Whoever still holds the pipes has
    /// drain_deadline left; what they write later is dropped and counted.
    void workload_exited();

    /// A host has asked for something: one that was away for long may be back.
    void nudge();

    /// Waits until the host has acknowledged the end of both streams; false at the deadline. One
    /// caller at a time.
    io::Awaitable<bool> flushed(std::chrono::milliseconds deadline);

    /// Waits until the host has acknowledged all that the workload had written when this was
    /// called; returns how many bytes of it, of both streams, are still not acknowledged at the
    /// deadline: they are kept. Waits for no host that is not there.
    io::Awaitable<std::uint64_t> flush_written(std::chrono::milliseconds deadline);

    [[nodiscard]] std::vector<RelayStatus> status() const;
    /// Shows what is kept to whoever looks.
    [[nodiscard]] RetainedOutput& retained() { return retained_; }
    [[nodiscard]] const RetainedOutput& retained() const { return retained_; }

private:
    sys::Result<WorkloadPipes> open_streams(uid_t user, gid_t group);
    sys::Result<sys::UniqueFd> open_stream(Relay::Stream stream, uid_t user, gid_t group);
    sys::Result<TwoPipes> make_pipes(std::optional<io::MemoryBudget::Share>& memory);
    io::Awaitable<> drain();
    io::Awaitable<> watch();
    void touch();
    [[nodiscard]] std::vector<RetainedStream> retained_streams() const;
    io::Awaitable<> all_finished();
    io::Awaitable<> acknowledged_up_to(const std::vector<std::uint64_t>& ends);
    [[nodiscard]] std::uint64_t unacknowledged(const std::vector<std::uint64_t>& ends) const;
    [[nodiscard]] bool host_takes_output() const;
    [[nodiscard]] bool finished() const;

    io::Executor executor_;
    io::TaskGroup& tasks_;
    io::ConnectionRegistry& registry_;
    io::MemoryBudget& memory_;
    OutputOptions options_;
    OutputCallbacks callbacks_;
    std::optional<OutputIdentity> identity_;
    std::vector<std::unique_ptr<Relay>> relays_; ///< coroutines hold on to their addresses
    RetainedOutput retained_;
    Wake finished_;
    Wake activity_; ///< wakes a watchdog that has found nothing to watch for a while
    bool watching_ = false;
};

} // namespace rouse::output
