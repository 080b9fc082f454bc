#pragma once
// What every command needs: its targets, an event loop that runs one coroutine to its end, words
// on standard error.

#include "tools/host/dialer.hpp"
#include "tools/rousectl/commands.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <optional>
#include <string_view>

namespace rouse::ctl {

/// The targets of -H, else of ROUSE_HOST. Throws std::runtime_error when there is none or one is
/// malformed.
std::vector<host::Target> targets_of(const Common& common);
/// The same where a command takes just one.
host::Target target_of(const Common& common);

/// For an answer that the guest has at hand.
inline constexpr std::chrono::seconds answer_limit{10};

/// Prints "rousectl: TEXT" on standard error.
void complain(std::string_view text);

/// Writes to a descriptor of ours; false when the reader has gone.
bool print(int fd, std::string_view bytes);

/// Runs the loop until the coroutine has ended, and returns what it returned; what it threw is
/// thrown.
template <typename T>
T run_to_end(boost::asio::io_context& io, host::Awaitable<T> work) {
    std::optional<T> result;
    std::exception_ptr escaped;
    boost::asio::co_spawn(io, std::move(work), [&](std::exception_ptr thrown, T value) {
        escaped = std::move(thrown);
        if (!escaped) result.emplace(std::move(value));
        io.stop();
    });
    io.run();
    if (escaped) std::rethrow_exception(escaped);
    return std::move(*result);
}

} // namespace rouse::ctl
