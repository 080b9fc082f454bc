#pragma once
// Waiting, in a coroutine, for a call that may block in the kernel.

#include "agent/io/async.hpp"
#include "agent/sys/blocking.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace rouse::io {

/// Told of a call that was given up at its deadline, by its name.
using OnGivenUp = std::function<void(const std::string& name)>;

/// The workers as coroutines see them. One thread; borrows the calls, which end before the loop.
class Blocking {
public:
    Blocking(Executor executor, sys::BlockingCalls& calls, OnGivenUp on_given_up = {});

    /// Runs `call` on a worker. Returns whether it has returned; if not, the deadline has passed,
    /// waiting for a free worker included, or this was cancelled, and it may still be running: it
    /// owns all that it uses, and nobody may look at what it writes.
    Awaitable<bool> run(std::string name, std::chrono::milliseconds deadline,
                        std::function<void()> call);

    /// The same with a result; empty when there is none in time.
    template <typename T>
    Awaitable<std::optional<T>> get(std::string name, std::chrono::milliseconds deadline,
                                    std::function<T()> call) {
        auto result = std::make_shared<std::optional<T>>();
        std::function<void()> storing = [result, call = std::move(call)] {
            result->emplace(call());
        };
        Awaitable<bool> running = run(std::move(name), deadline, std::move(storing));
        const bool returned = co_await std::move(running);
        if (!returned) co_return std::nullopt;
        co_return std::move(*result);
    }

    /// Runs `call` some time, for nobody.
    void post(std::function<void()> call);

private:
    Executor executor_;
    sys::BlockingCalls& calls_;
    OnGivenUp on_given_up_;
};

} // namespace rouse::io
