#include "agent/exec/exec_stream.hpp"

#include "agent/io/race.hpp"
#include "agent/sys/descriptor.hpp"
#include "proto/link.hpp"

#include <boost/json/serialize.hpp>

#include <utility>
#include <variant>

#include <poll.h>

namespace rouse::exec {

using io::no_throw;
using proto::EndOfStream;
using proto::Frame;
using proto::FrameType;
using proto::Parsed;
using proto::Problem;

namespace {

constexpr std::chrono::milliseconds error_flush{500};

/// Whether everybody closed the pipe and nothing is left in it.
bool is_closed(int fd) {
    pollfd asked{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&asked, 1, 0) == 1 && (asked.revents & POLLHUP) != 0 &&
           (asked.revents & POLLIN) == 0;
}

io::Awaitable<> flush(io::FrameStream& frames) {
    io::Awaitable<io::error_code> flushing = frames.flush();
    (void)co_await std::move(flushing); // A client that is gone needs no last words.
}

} // namespace

ExecStream::Output::Output(std::uint8_t number, io::Descriptor& source,
                           const io::Executor& executor)
    : stream(number), pipe(source), credit(executor, io::Timer::time_point::max()) {}

ExecStream::ExecStream(io::Socket& socket, std::string received)
    : socket_(socket), frames_(socket, std::move(received)), process_(socket.get_executor()),
      out_(proto::stream_id::out, process_.out, socket.get_executor()),
      err_(proto::stream_id::err, process_.err, socket.get_executor()),
      input_ready_(socket.get_executor(), io::Timer::time_point::max()),
      acknowledged_(socket.get_executor(), io::Timer::time_point::max()) {}

io::Awaitable<> ExecStream::run(supervise::Spawner& spawner, proto::Command command,
                                OnStart on_start) {
    io::Awaitable<std::optional<proto::SpawnFailure>> starting =
        process_.start(spawner, std::move(command), Input::pipe);
    const std::optional<proto::SpawnFailure> failure = co_await std::move(starting);
    on_start(failure ? 0 : process_.child().pid());
    io::Awaitable<io::Winner> serving =
        io::race(read_frames(), failure ? serve_failure(*failure) : serve_process());
    (void)co_await std::move(serving);
    if (broken_) {
        io::Awaitable<bool> flushing = io::with_deadline(flush(frames_), error_flush);
        (void)co_await std::move(flushing);
    }
}

io::Awaitable<> ExecStream::refuse(std::string kind, std::string message) {
    proto::ErrorDocument document;
    document.kind = std::move(kind);
    document.message = std::move(message);
    post_json(FrameType::error, proto::to_json(document));
    io::Awaitable<bool> flushing = io::with_deadline(flush(frames_), error_flush);
    (void)co_await std::move(flushing);
}

io::Awaitable<> ExecStream::serve_process() {
    post_json(FrameType::started, boost::json::object{{"pid", process_.child().pid()}});
    io::Awaitable<> outputs = io::both(pump(out_), pump(err_));
    io::Awaitable<> process = io::both(std::move(outputs), report_exit());
    // The feeder may wait for the client for ever; the process and its outputs decide.
    io::Awaitable<io::Winner> serving =
        io::race(std::move(process), io::both(feed_input(), linger()));
    (void)co_await std::move(serving);
    io::Awaitable<bool> closing = io::with_deadline(await_acknowledged(), close_deadline);
    (void)co_await std::move(closing);
}

io::Awaitable<> ExecStream::serve_failure(const proto::SpawnFailure& failure) {
    post_json(FrameType::error, proto::to_json(failure));
    proto::ExitStatus status;
    status.code = static_cast<std::uint64_t>(proto::shell_exit_code(failure));
    post_json(FrameType::exit, proto::to_json(status));
    post_end(out_, EndOfStream::How::closed);
    post_end(err_, EndOfStream::How::closed);
    io::Awaitable<bool> closing = io::with_deadline(await_acknowledged(), close_deadline);
    (void)co_await std::move(closing);
}

io::Awaitable<> ExecStream::await_acknowledged() {
    while (!out_.window.all_acknowledged() || !err_.window.all_acknowledged())
        (void)co_await acknowledged_.async_wait(no_throw);
}

io::Awaitable<> ExecStream::report_exit() {
    std::optional<proto::ExitStatus> status;
    io::Awaitable<> waiting = await_exit(process_.child(), status);
    co_await std::move(waiting);
    if (!status) co_return;
    exit_ = status;
    note_exit(out_);
    note_exit(err_);
    post_json(FrameType::exit, proto::to_json(*status));
}

io::Awaitable<> ExecStream::linger() {
    std::optional<proto::ExitStatus> status;
    io::Awaitable<> waiting = await_exit(process_.child(), status);
    co_await std::move(waiting);
    io::Awaitable<> lingering = io::expire(proto::limits::drain_deadline_exec);
    co_await std::move(lingering);
    note_linger(out_);
    note_linger(err_);
}

void ExecStream::note_exit(Output& output) {
    const sys::Result<std::size_t> waiting = sys::bytes_readable(output.pipe.native_handle());
    output.at_exit = output.taken + (waiting ? *waiting : 0);
}

void ExecStream::note_linger(Output& output) {
    output.past_linger = true;
    output.credit.cancel();
    io::error_code ignored; // There may be nothing to cancel.
    output.pipe.cancel(ignored);
}

bool ExecStream::is_over(const Output& output) {
    return output.past_linger && output.taken >= output.at_exit;
}

io::Awaitable<> ExecStream::pump(Output& output) {
    EndOfStream::How how = EndOfStream::How::lingered;
    while (!is_over(output)) {
        if (output.window.credit() == 0) {
            (void)co_await output.credit.async_wait(no_throw);
            continue;
        }
        std::string frame;
        const Took took = take(output, frame);
        if (took == Took::end) {
            how = EndOfStream::How::closed;
            break;
        }
        if (took == Took::bytes) {
            io::Awaitable<io::error_code> writing = frames_.write(std::move(frame));
            const io::error_code error = co_await std::move(writing);
            if (error) co_return; // The reader notices that the client is gone.
            continue;
        }
        (void)co_await output.pipe.async_wait(io::Descriptor::wait_read, no_throw);
    }
    if (is_closed(output.pipe.native_handle())) how = EndOfStream::How::closed;
    post_end(output, how);
}

ExecStream::Took ExecStream::take(Output& output, std::string& frame) {
    const std::size_t room =
        std::min<std::uint64_t>(output.window.credit(), proto::limits::data_frame);
    frame.resize(proto::frame_header_size + room);
    const std::span<char> payload(frame.data() + proto::frame_header_size, room);
    const sys::Result<sys::Moved> moved = sys::read_some(output.pipe.native_handle(), payload);
    frame.resize(proto::frame_header_size + (moved ? moved->bytes : 0));
    if (!moved || moved->outcome == sys::IoOutcome::end_of_stream) return Took::end;
    if (moved->outcome == sys::IoOutcome::would_block) {
        frame = std::string(); // Nobody waits with 28 KiB in hand.
        return Took::nothing;
    }
    proto::FrameHeader header;
    header.stream = output.stream;
    header.length = static_cast<std::uint32_t>(moved->bytes);
    header.offset = output.taken;
    output.taken += moved->bytes;
    output.window.send(moved->bytes);
    if (output.window.wants_ack()) header.flags = proto::frame_flag::ack_now;
    const auto bytes = proto::encode(header);
    frame.replace(0, bytes.size(), bytes.data(), bytes.size());
    return Took::bytes;
}

void ExecStream::post_json(FrameType type, const boost::json::value& document) {
    proto::FrameHeader header;
    header.type = type;
    frames_.post(proto::encode(header, boost::json::serialize(document)));
}

void ExecStream::post_end(const Output& output, EndOfStream::How how) {
    proto::FrameHeader header;
    header.type = FrameType::eos;
    header.stream = output.stream;
    header.offset = output.window.sent();
    EndOfStream end;
    end.how = how;
    frames_.post(proto::encode(header, boost::json::serialize(proto::to_json(end))));
}

} // namespace rouse::exec
