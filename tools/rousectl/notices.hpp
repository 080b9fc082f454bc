#pragma once
// Lines for a person on standard error, from commands that must not wait for whoever reads them.

#include "tools/host/output.hpp"

#include <cstdint>
#include <string>

namespace rouse::ctl {

/// Not thread-safe.
class Notices {
public:
    /// Lines that wait for a reader, in bytes; more are counted instead of kept.
    static constexpr std::size_t most_waiting = 64 * 1024;

    /// Borrows `fd`.
    Notices(const host::Executor& executor, int fd);
    Notices(const Notices&) = delete;
    Notices& operator=(const Notices&) = delete;
    ~Notices();

    /// Prints a line, at once where the reader keeps up.
    void say(const std::string& line);

private:
    /// Owned by the coroutine that writes, too, which may outlive us by one turn of the loop.
    struct State;

    static host::Awaitable<> write(std::shared_ptr<State> state);

    std::shared_ptr<State> state_;
};

} // namespace rouse::ctl
