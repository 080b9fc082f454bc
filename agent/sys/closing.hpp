#pragma once
// Closes, beside the loop, descriptors that somebody else has made.

#include "agent/sys/unique_fd.hpp"

#include <cstddef>
#include <functional>
#include <memory>

namespace rouse::sys {

/// The last close(2) of a file waits for as long as its maker likes: a TCP socket lingers over what
/// it has not sent, a file of FUSE or NFS asks its server. Used from one thread; descriptors are
/// closed in their order by up to `most_threads` others, which take no signals and end when there
/// is nothing to close. A close that never returns keeps its thread.
class Closing {
public:
    static constexpr std::size_t most_threads = 4;
    /// As soon as so many wait for a thread, there is no room for more.
    static constexpr std::size_t most_waiting = 64;

    /// `on_room`: there is room again. Runs on another thread; must not block.
    explicit Closing(std::function<void()> on_room);
    Closing(const Closing&) = delete;
    Closing& operator=(const Closing&) = delete;
    Closing(Closing&&) = delete;
    Closing& operator=(Closing&&) = delete;
    /// Nothing is told afterwards. Waits for nothing: the threads go on with what is left.
    ~Closing();

    /// Also when there is no room: who asks before bounds what is open. Without a single thread the
    /// descriptor waits until one can be started.
    void close(UniqueFd fd);

    /// Tries to start a thread when one is wanted. Who is told that there is no room waits for
    /// `on_room`, and asks again after a while if no thread could be started.
    [[nodiscard]] bool has_room();

private:
    struct State;

    std::shared_ptr<State> state_; ///< shared with the threads, which may outlive us
};

} // namespace rouse::sys
