#include "agent/signal_source.hpp"

#include "agent/sys/signals.hpp"

#include <csignal>

#include <unistd.h>

namespace rouse {

namespace {

int open_signalfd(const std::vector<int>& numbers) {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int number : numbers)
        ::sigaddset(&set, number);
    sys::Result<sys::UniqueFd> fd = sys::make_signalfd(set);
    return fd.value().release();
}

} // namespace

SignalSource::SignalSource(const io::Executor& executor, const std::vector<int>& numbers)
    : descriptor_(executor, open_signalfd(numbers)) {}

io::Awaitable<> SignalSource::deliver(OnSignal on_signal) {
    for (;;) {
        const sys::Result<std::optional<sys::Signal>> signal =
            sys::read_signal(descriptor_.native_handle());
        if (signal && *signal) {
            // What we have caused ourselves, as a write to a pipe without a reader does, is for
            // nobody.
            if ((*signal)->number == SIGPIPE && (*signal)->sender == ::getpid()) continue;
            on_signal((*signal)->number);
            continue;
        }
        auto ready = co_await descriptor_.async_wait(io::Descriptor::wait_read, io::no_throw);
        const auto& [error] = ready;
        if (error) co_return;
    }
}

} // namespace rouse
