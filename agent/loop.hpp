#pragma once
// The event loop, and the one thing that Asio's own does not offer.

#include <boost/asio/io_context.hpp>

namespace rouse {

class Loop : public boost::asio::io_context {
public:
    /// One thread: no locking.
    Loop() : io_context(1) {}

    /// Destroys the suspended coroutines. The owner of both calls it while everything that the
    /// coroutines refer to is alive; the loop does not run again.
    void drop_tasks() { shutdown(); }
};

} // namespace rouse
