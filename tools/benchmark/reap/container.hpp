#pragma once
// An init as PID 1 of a PID namespace, as in a container, and what it takes to reap there.

#include "tools/lab/descriptor.hpp"
#include "tools/lab/directory.hpp"
#include "tools/lab/process.hpp"

#include <string>
#include <vector>

#include <sys/types.h>

namespace rouse::bench {

/// What reaping cost an init.
struct Reaping {
    double processor_ms = 0; ///< of the init alone
    double wall_ms = 0;      ///< until it had nothing more to do
    double left = 0;         ///< zombies that it has not reaped
};

/// Owns the namespace: all that runs in it ends with this, and with the program.
class Container {
public:
    /// Starts `init`, words in front of a command, with rouse-bench-peer as its command.
    /// Errors: lab::LabError, std::runtime_error.
    explicit Container(const std::vector<std::string>& init);

    /// `count` orphans end while the init is stopped, and it goes on.
    /// Errors: std::runtime_error, as when there cannot be so many processes.
    [[nodiscard]] Reaping reap_at_once(unsigned count);

    /// `count` orphans end one after the other. `wall_ms` is the time that they took, all in all.
    /// Errors: std::runtime_error.
    [[nodiscard]] Reaping reap_one_by_one(unsigned count);

private:
    void ask(const std::string& command);
    [[nodiscard]] double processor_time() const;
    [[nodiscard]] double zombies() const;
    void stop();
    /// Waits until the init has nothing more to do; how long that took.
    [[nodiscard]] double settle(double processor_ms);
    /// One look at how it goes on, a moment later. Throws when the init has ended.
    void pause();
    [[noreturn]] void fail(const std::string& what) const;

    lab::Directory directory_;
    lab::Process unshare_;
    lab::Descriptor control_;
    pid_t init_ = 0; ///< as this namespace calls it; ends with `unshare_`, whose child it is
};

} // namespace rouse::bench
