#include "agent/exec/captured_exec.hpp"

#include "agent/io/race.hpp"
#include "agent/sys/descriptor.hpp"
#include "proto/limits.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace rouse::exec {

namespace {

using Chunk = std::array<char, 8192>;

void keep(proto::Captured& captured, std::string_view bytes) {
    const std::size_t room = proto::limits::captured_output - captured.bytes.size();
    const std::size_t kept = std::min(room, bytes.size());
    captured.bytes.append(bytes.substr(0, kept));
    captured.truncated += bytes.size() - kept;
}

io::Awaitable<> capture(io::Descriptor& pipe, proto::Captured& captured) {
    Chunk chunk;
    while (true) {
        auto read = co_await pipe.async_read_some(io::asio::buffer(chunk), io::no_throw);
        const auto& [error, count] = read;
        if (error) co_return;
        keep(captured, {chunk.data(), count});
    }
}

io::Awaitable<> feed(io::Descriptor& pipe, const std::string& bytes) {
    if (!pipe.is_open()) co_return;
    // A process that closes its stdin early is no error of ours.
    (void)co_await io::asio::async_write(pipe, io::asio::buffer(bytes), io::no_throw);
    io::error_code ignored; // The descriptor is gone either way.
    pipe.close(ignored);
}

/// Never returns: the exit decides when it is over.
io::Awaitable<> move_bytes(ExecProcess& process, const std::string& input,
                           proto::ExecResult& result) {
    io::Awaitable<> outputs =
        io::both(capture(process.out, result.out), capture(process.err, result.err));
    io::Awaitable<> all = io::both(std::move(outputs), feed(process.in, input));
    co_await std::move(all);
    io::Awaitable<> parked = io::forever();
    co_await std::move(parked);
}

/// Takes what is in the pipe at this moment and no more: somebody may go on writing.
void drain(io::Descriptor& pipe, proto::Captured& captured) {
    const sys::Result<std::size_t> waiting = sys::bytes_readable(pipe.native_handle());
    std::size_t left = waiting ? *waiting : 0;
    Chunk chunk;
    while (left > 0) {
        const std::span<char> room(chunk.data(), std::min(left, chunk.size()));
        const sys::Result<sys::Moved> moved = sys::read_some(pipe.native_handle(), room);
        if (!moved || moved->bytes == 0) return;
        keep(captured, {chunk.data(), moved->bytes});
        left -= moved->bytes;
    }
}

} // namespace

io::Awaitable<proto::ExecResult> run_captured(supervise::Spawner& spawner,
                                              proto::ExecRequest request, const OnStart& on_start) {
    const io::Executor executor = co_await io::asio::this_coro::executor;
    proto::ExecResult result;
    ExecProcess process(executor);
    const Input input = request.stdin_bytes.empty() ? Input::null : Input::pipe;
    io::Awaitable<std::optional<proto::SpawnFailure>> starting =
        process.start(spawner, std::move(request.command), input);
    result.error = co_await std::move(starting);
    on_start(result.error ? 0 : process.child().pid());
    if (result.error) co_return result;

    io::Awaitable<io::Winner> running = io::race(await_exit(process.child(), result.exit),
                                                 move_bytes(process, request.stdin_bytes, result));
    (void)co_await std::move(running);
    drain(process.out, result.out);
    drain(process.err, result.err);
    co_return result;
}

} // namespace rouse::exec
