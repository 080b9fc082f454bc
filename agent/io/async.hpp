#pragma once
// The vocabulary of our coroutines: one awaitable type, one stream socket type, errors as values.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace rouse::io {

namespace asio = boost::asio;

using boost::system::error_code;

template <typename T = void>
using Awaitable = asio::awaitable<T>;

/// Both AF_VSOCK and AF_UNIX: one type, so that Beast is instantiated once.
using Socket = asio::generic::stream_protocol::socket;
using Descriptor = asio::posix::stream_descriptor;
using Timer = asio::steady_timer;
using Executor = asio::any_io_executor;

/// Completes with a tuple that begins with the error code. Usage:
///     auto done = co_await socket.async_wait(Socket::wait_read, no_throw);
///     const auto& [error] = done;
inline constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);

} // namespace rouse::io
