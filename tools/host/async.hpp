#pragma once
// The vocabulary of the host side's coroutines: one awaitable, one socket type for AF_VSOCK and
// AF_UNIX, failures as values with a message for a person.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/assert/source_location.hpp>
#include <boost/system/result.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>

namespace rouse::host {

namespace asio = boost::asio;

using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using Socket = asio::generic::stream_protocol::socket;
using Executor = asio::any_io_executor;
using Timer = asio::steady_timer;

template <typename T = void>
using Awaitable = asio::awaitable<T>;

/// Completes with a tuple that begins with the error code.
inline constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);

/// Why something could not be done, in words that name the subject and the reason.
struct Failure {
    std::string message;

    Failure() = default;
    explicit Failure(std::string text) : message(std::move(text)) {}
};

template <typename T = void>
using Outcome = boost::system::result<T, Failure>;

/// Lets Outcome<T>::value() throw; found by argument-dependent lookup (Boost.System documentation).
[[noreturn]] inline void throw_exception_from_error(const Failure& failure,
                                                    const boost::source_location&) {
    throw std::runtime_error(failure.message);
}

} // namespace rouse::host
