#include "agent/exec/session_stream.hpp"

#include "agent/io/race.hpp"
#include "agent/sys/defence.hpp"
#include "proto/exec_stream.hpp"
#include "proto/limits.hpp"
#include "proto/link.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <utility>

namespace rouse::exec {

using proto::EndOfStream;
using proto::FrameType;

namespace {

constexpr std::chrono::milliseconds last_words_deadline{500};

io::Awaitable<> flush_frames(io::FrameStream& frames) {
    io::Awaitable<io::error_code> flushing = frames.flush();
    (void)co_await std::move(flushing); // A client that is gone needs no last words.
}

io::Awaitable<> until_either(io::Awaitable<> first, io::Awaitable<> second) {
    io::Awaitable<io::Winner> racing = io::race(std::move(first), std::move(second));
    (void)co_await std::move(racing); // Either way there is nothing more to hear.
}

std::string json_frame(FrameType type, const boost::json::value& document) {
    proto::FrameHeader header;
    header.type = type;
    return proto::encode(header, boost::json::serialize(document));
}

std::string error_frame(std::string kind, std::string message) {
    proto::ErrorDocument document;
    document.kind = std::move(kind);
    document.message = std::move(message);
    return json_frame(FrameType::error, proto::to_json(document));
}

} // namespace

SessionStream::SessionStream(std::shared_ptr<Attachable> session, io::Socket& socket,
                             std::string received, const proto::AttachRequest& place)
    : session_(std::move(session)), frames_(socket, std::move(received)),
      wants_control_(place.control), out_(place_in(proto::stream_id::out, place.out)),
      err_(place_in(proto::stream_id::err, place.err)) {
    if (!wants_control_) {
        session_->add_reader();
        return;
    }
    control_ = session_->take_control();
    session_->begin_at(proto::stream_id::out, out_.window.sent());
    session_->begin_at(proto::stream_id::err, err_.window.sent());
}

SessionStream::~SessionStream() {
    if (wants_control_)
        session_->leave(control_);
    else
        session_->remove_reader();
}

SessionStream::Place SessionStream::place_in(std::uint8_t stream,
                                             const std::optional<std::uint64_t>& wanted) const {
    const std::uint64_t from = wanted.value_or(session_->output_state(stream).oldest);
    return {.stream = stream, .window = SendWindow(proto::limits::exec_window, from)};
}

bool SessionStream::controls() const {
    return wants_control_ && session_->is_controller(control_);
}

io::Awaitable<> SessionStream::refuse(io::Socket& socket, std::string kind, std::string message) {
    io::FrameStream frames(socket);
    frames.post(error_frame(std::move(kind), std::move(message)));
    io::Awaitable<bool> flushing = io::with_deadline(flush_frames(frames), last_words_deadline);
    (void)co_await std::move(flushing);
}

io::Awaitable<> SessionStream::run() {
    io::Awaitable<> watching = until_either(read_frames(), await_replaced());
    io::Awaitable<io::Winner> serving = io::race(std::move(watching), serve());
    (void)co_await std::move(serving);
    if (!last_words_) co_return;
    io::Awaitable<bool> flushing = io::with_deadline(flush_frames(frames_), last_words_deadline);
    (void)co_await std::move(flushing);
}

io::Awaitable<> SessionStream::serve() {
    io::Awaitable<> starting = await_start();
    co_await std::move(starting);
    if (session_->failure())
        post_failure();
    else
        post_started();
    io::Awaitable<> outputs = io::both(send_output(out_), send_output(err_));
    io::Awaitable<> words = io::both(std::move(outputs), send_exit());
    io::Awaitable<io::Winner> sending = io::race(std::move(words), acknowledge_input());
    (void)co_await std::move(sending);
    io::Awaitable<bool> closing = io::with_deadline(await_acknowledged(), close_deadline);
    (void)co_await std::move(closing);
}

io::Awaitable<> SessionStream::await_start() {
    while (session_->is_starting()) {
        io::Awaitable<> waiting = session_->changed().wait();
        co_await std::move(waiting);
    }
}

io::Awaitable<> SessionStream::await_replaced() {
    while (!last_words_ && (!wants_control_ || controls())) {
        io::Awaitable<> waiting = session_->changed().wait();
        co_await std::move(waiting);
    }
    if (!last_words_) post_error("replaced", "another client took control of the session");
}

io::Awaitable<> SessionStream::send_output(Place& place) {
    while (true) {
        sys::Result<std::string> frame = next_frame(place);
        if (!frame) { // To end is honest, to leave bytes out is not.
            post_error("output", "cannot read what is kept: " + frame.error().message());
            session_->changed().notify_all();
            co_return;
        }
        if (frame->empty()) {
            const OutputState state = session_->output_state(place.stream);
            if (state.ended && place.window.sent() == state.next)
                co_return post_end(place, *state.ended);
            io::Awaitable<> waiting = session_->changed().wait();
            co_await std::move(waiting);
            continue;
        }
        io::Awaitable<io::error_code> writing = frames_.write(std::move(*frame));
        const io::error_code error = co_await std::move(writing);
        if (error) co_return; // The reader notices that the client is gone.
    }
}

sys::Result<std::string> SessionStream::next_frame(Place& place) {
    const std::uint64_t at = place.window.sent();
    const std::size_t room =
        std::min<std::uint64_t>(place.window.credit(), proto::limits::data_frame);
    const sys::Result<OutputPiece> piece = session_->piece(place.stream, at, room);
    if (!piece) return piece.error();
    if (piece->missing > 0) return gap_frame(place, piece->missing);
    if (piece->bytes.empty()) return std::string();
    place.window.send(piece->bytes.size());
    proto::FrameHeader header;
    header.stream = place.stream;
    header.offset = at;
    if (place.window.wants_ack()) header.flags = proto::frame_flag::ack_now;
    return proto::encode(header, piece->bytes);
}

std::string SessionStream::gap_frame(Place& place, std::uint64_t count) {
    proto::FrameHeader header;
    header.type = FrameType::dropped;
    header.stream = place.stream;
    header.offset = place.window.sent();
    place.window.skip(count);
    return proto::encode(header,
                         boost::json::serialize(proto::to_json(proto::Dropped{.count = count})));
}

bool SessionStream::has_ended(const Place& place) const {
    return session_->output_state(place.stream).ended.has_value();
}

bool SessionStream::exit_is_due() const {
    // A command's end is told at once: somebody else may hold its outputs for ever.
    if (sys::is_off(sys::Defence::exit_first) && (!has_ended(out_) || !has_ended(err_)))
        return false;
    return session_->exit() || session_->failure();
}

io::Awaitable<> SessionStream::send_exit() {
    while (!exit_is_due()) {
        io::Awaitable<> waiting = session_->changed().wait();
        co_await std::move(waiting);
    }
    if (session_->exit()) post_json(FrameType::exit, proto::to_json(*session_->exit()));
}

io::Awaitable<> SessionStream::acknowledge_input() {
    while (true) {
        if (controls() && session_->input().ack_due()) frames_.post(session_->input().ack());
        io::Awaitable<> waiting = session_->changed().wait();
        co_await std::move(waiting);
    }
}

io::Awaitable<> SessionStream::await_acknowledged() {
    while (!out_.window.all_acknowledged() || !err_.window.all_acknowledged()) {
        io::Awaitable<> waiting = session_->changed().wait();
        co_await std::move(waiting);
    }
}

void SessionStream::post_started() {
    proto::Started started;
    started.pid = static_cast<std::uint64_t>(session_->pid());
    started.id = session_->id();
    started.control = controls();
    started.tty = session_->has_terminal();
    started.in = session_->input().received();
    started.out = out_.window.sent();
    started.err = err_.window.sent();
    post_json(FrameType::started, proto::to_json(started));
}

void SessionStream::post_failure() {
    post_json(FrameType::error, proto::to_json(*session_->failure()));
    proto::ExitStatus status;
    status.code = static_cast<std::uint64_t>(proto::shell_exit_code(*session_->failure()));
    post_json(FrameType::exit, proto::to_json(status));
}

void SessionStream::post_end(const Place& place, const EndOfStream& end) {
    proto::FrameHeader header;
    header.type = FrameType::eos;
    header.stream = place.stream;
    header.offset = place.window.sent();
    frames_.post(proto::encode(header, boost::json::serialize(proto::to_json(end))));
}

void SessionStream::post_json(FrameType type, const boost::json::value& document) {
    frames_.post(json_frame(type, document));
}

void SessionStream::post_error(std::string kind, std::string message) {
    frames_.post(error_frame(std::move(kind), std::move(message)));
    last_words_ = true;
}

} // namespace rouse::exec
