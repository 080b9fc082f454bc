#include "tests/support/prober.hpp"

#include "proto/output.hpp"
#include "tests/support/stamp.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include <sys/socket.h>

namespace rouse::test {

using proto::FrameType;
using std::chrono::microseconds;
using std::chrono::milliseconds;

namespace {

/// Between two probes: many a second, without a processor of its own.
void breathe() {
    lab::wait_to_retry(lab::Deadline(milliseconds(5)));
}

void hang_up(FrameConnection& frames) {
    (void)::shutdown(frames.connection().descriptor(), SHUT_RDWR); // gone already: just as well
}

} // namespace

void Prober::stop() {
    stopping_ = true;
    interrupt();
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void Prober::freeze() {
    frozen_ = true;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return resting_ || !failure_.empty(); });
}

void Prober::thaw() {
    frozen_ = false;
    changed_.notify_all();
}

void Prober::clear() {
    const std::lock_guard lock(mutex_);
    times_.clear();
}

std::size_t Prober::samples() const {
    const std::lock_guard lock(mutex_);
    return times_.size();
}

microseconds Prober::p99() const {
    check();
    const std::lock_guard lock(mutex_);
    std::vector<std::chrono::nanoseconds> sorted = times_;
    if (sorted.empty()) throw std::runtime_error("nothing was measured");
    std::sort(sorted.begin(), sorted.end());
    return std::chrono::duration_cast<microseconds>(sorted[sorted.size() * 99 / 100] - shortest_);
}

bool Prober::up_to_date() const {
    const std::lock_guard lock(mutex_);
    return !times_.empty() && last_ - shortest_ < milliseconds(50);
}

void Prober::check() const {
    const std::lock_guard lock(mutex_);
    if (!failure_.empty()) throw std::runtime_error(failure_);
}

void Prober::note(std::chrono::nanoseconds time) {
    const std::lock_guard lock(mutex_);
    times_.push_back(time);
    last_ = time;
    shortest_ = std::min(shortest_, time);
}

/// Rests while it is frozen; false when it is to end.
bool Prober::go_on() {
    std::unique_lock lock(mutex_);
    resting_ = frozen_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !frozen_ || stopping_; });
    resting_ = false;
    return !stopping_;
}

void Prober::run() {
    std::string failure;
    try {
        while (go_on() && probe()) {
        }
        if (!stopping_) failure = "the connection has ended";
    } catch (const std::exception& problem) {
        failure = problem.what();
    }
    const std::lock_guard lock(mutex_);
    if (!stopping_) failure_ = failure;
    changed_.notify_all();
}

OutputProber::OutputProber(ScriptedHost& host, OutputConnection output)
    : host_(host), output_(std::move(output)) {
    ScriptedHost::welcome(output_, endless_credit);
}

bool OutputProber::probe() {
    const auto frame = output_.frames.receive();
    if (!frame) return false;
    if (frame->header.type != FrameType::data || frame->header.offset != next_)
        throw std::runtime_error(fmt::format("unexpected {} at {}, not at {}",
                                             proto::name(frame->header.type), frame->header.offset,
                                             next_));
    take(*frame);
    const proto::Ack ack{.window = endless_credit};
    (void)output_.frames.send(FrameType::ack, proto::to_json(ack), frame->header.stream,
                              next_); // reading shows the end
    // More often, and the stream would do nothing but connect.
    if (churning_ && Clock::now() - broken_ > milliseconds(250)) accept_again();
    return true;
}

void OutputProber::take(const proto::Frame& frame) {
    const std::int64_t now = Clock::now().time_since_epoch().count();
    next_ += frame.payload.size();
    pending_ += frame.payload;
    std::size_t done = 0;
    for (; pending_.size() - done >= stamp_block; done += stamp_block) {
        std::int64_t written = 0;
        std::memcpy(&written, pending_.data() + done, sizeof written);
        note(std::chrono::nanoseconds(now - written));
    }
    pending_.erase(0, done);
}

void OutputProber::accept_again() {
    broken_ = Clock::now();
    output_.frames.connection().close();
    output_ = host_.accept_output();
    ScriptedHost::welcome(output_, endless_credit, next_);
}

void OutputProber::interrupt() {
    hang_up(output_.frames);
}

void LinkProber::flood() {
    // Less than what the agent queues for a link that does not move, more than a socket takes.
    for (int count = 0; count < 8; ++count)
        (void)link_.send({.type = FrameType::ping},
                         std::string(48U << 10U, 'x')); // reading shows the end
}

bool LinkProber::probe() {
    const std::string payload = std::to_string(++count_);
    const auto start = Clock::now();
    if (!link_.send({.type = FrameType::ping}, payload)) return false;
    if (!await_pong(payload)) return false;
    note(Clock::now() - start);
    breathe();
    return true;
}

/// Events, and what a flood has left, are in between.
bool LinkProber::await_pong(const std::string& payload) {
    for (;;) {
        const auto frame = link_.receive();
        if (!frame) return false;
        if (frame->header.type == FrameType::pong && frame->payload == payload) return true;
        // On a busy machine a timer of the guest fires late, and it asks whether we are there.
        if (frame->header.type == FrameType::ping && !link_.answer_ping(*frame)) return false;
    }
}

void LinkProber::interrupt() {
    hang_up(link_);
}

bool EchoProber::probe() {
    const auto start = Clock::now();
    if (!stream_.send({.type = FrameType::data, .stream = proto::stream_id::in, .offset = offset_},
                      "echo"))
        return false;
    offset_ += 4;
    for (std::uint64_t back = offset_ - 4; back < offset_;) {
        const auto frame = stream_.receive();
        if (!frame) return false;
        if (frame->header.type == FrameType::data) back += frame->payload.size();
        if (frame->header.type == FrameType::error || frame->header.type == FrameType::exit)
            throw std::runtime_error("the stream ended: " + frame->payload);
    }
    note(Clock::now() - start);
    const proto::Ack ack{.window = proto::limits::exec_window};
    (void)stream_.send(FrameType::ack, proto::to_json(ack), proto::stream_id::out,
                       offset_); // reading shows the end
    breathe();
    return true;
}

void EchoProber::interrupt() {
    hang_up(stream_);
}

bool HttpProber::probe() {
    const auto start = Clock::now();
    if (!connection_.send(request_text("GET", "/v1/ready", {}, "Connection: keep-alive\r\n")))
        return false;
    const HttpAnswer answer = read_answer(connection_);
    if (answer.status != 200) throw std::runtime_error("answered " + answer.head);
    note(Clock::now() - start);
    breathe();
    return true;
}

void HttpProber::interrupt() {
    (void)::shutdown(connection_.descriptor(), SHUT_RDWR); // gone already: just as well
}

bool ExecProber::probe() {
    const auto start = Clock::now();
    const auto result = exec(guest_, {payload_, "exit", "42"});
    if (!result.exit || result.exit->code != 42) throw std::runtime_error("a wrong exit status");
    note(Clock::now() - start);
    breathe();
    return true;
}

} // namespace rouse::test
