#pragma once
// Signals as events of the loop.

#include "agent/io/async.hpp"

#include <functional>
#include <vector>

namespace rouse {

/// Tells about each signal of a set that arrives. The signals are blocked already
/// (sys::take_over_signals); children get a clean mask (sys/spawn). Source: signalfd(2).
class SignalSource {
public:
    using OnSignal = std::function<void(int number)>;

    /// Throws boost::system::system_error when signalfd(2) fails.
    SignalSource(const io::Executor& executor, const std::vector<int>& numbers);

    /// Calls `on_signal` for each signal until it is cancelled.
    io::Awaitable<> deliver(OnSignal on_signal);

private:
    io::Descriptor descriptor_;
};

} // namespace rouse
