#include "tools/host/link_session.hpp"

#include "proto/output.hpp"
#include "tools/host/files.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace rouse::host {
namespace {

namespace json = boost::json;
using proto::FrameType;
using namespace std::chrono_literals;

constexpr auto ping_interval = 5s;
constexpr auto silence_limit = 15s;
constexpr auto way_limit = 3s; // for one PING before the HELLO_ACK

/// Sends a PING each 5 s and closes a link that has been silent for 15 s. Handlers own the state,
/// which may outlive the session by one expiry.
struct Heartbeat : std::enable_shared_from_this<Heartbeat> {
    Heartbeat(FrameStream& link, Clock::time_point& last)
        : stream(&link), heard(&last), timer(link.executor()) {}

    void beat() {
        timer.expires_after(ping_interval);
        timer.async_wait([self = shared_from_this()](error_code error) {
            if (error || self->stream == nullptr) return;
            if (Clock::now() - *self->heard > silence_limit) return self->stream->close();
            self->stream->send({.type = FrameType::ping}, "rouse");
            self->beat();
        });
    }

    void stop() {
        stream = nullptr;
        timer.cancel();
    }

    FrameStream* stream;
    Clock::time_point* heard;
    Timer timer;
};

} // namespace

Awaitable<> LinkSession::run() {
    const Collector::Served served(collector_, stream_);
    auto hello = co_await greet();
    if (!hello) {
        co_await collector_.log_refusal("link_failed", "link: " + hello.error().message);
        co_return;
    }
    auto seat = co_await collector_.seats_.take("link", stream_);
    if (!seat) co_return; // a newer connection came while an older one was leaving
    const auto heartbeat = std::make_shared<Heartbeat>(stream_, heard_);
    Outcome<> ended = co_await acknowledge(std::move(*hello));
    if (ended) {
        heartbeat->beat();
        ended = co_await follow();
    }
    heartbeat->stop();
    if (!ended && !collector_.stopping_) collector_.notice("link: " + ended.error().message);
    json::object line;
    if (!ended) line["message"] = ended.error().message;
    (void)co_await collector_.log("link_closed", std::move(line)); // a failure was said
    seat.reset();
    collector_.progress();
}

Awaitable<> LinkSession::refuse(std::string kind, std::string message) {
    const proto::ErrorDocument error{.kind = std::move(kind), .message = std::move(message)};
    stream_.send({.type = FrameType::error}, json::serialize(to_json(error)));
    co_await stream_.flush(Clock::now() + 1s);
}

Awaitable<Outcome<proto::LinkHello>> LinkSession::greet() {
    Reception::Visit visit(collector_.reception_, stream_);
    auto first = co_await stream_.read(Clock::now() + Reception::hello_limit);
    if (!first) co_return first.error();
    if (!*first) co_return Failure("the connection ended before HELLO");
    auto hello = proto::parse_link_hello((*first)->payload);
    if ((*first)->header.type != FrameType::hello || !hello) {
        const std::string why = hello ? "the first frame is not HELLO" : hello.error().message();
        co_await refuse("protocol", why);
        co_return Failure(why);
    }
    const Outcome<> checked = co_await check(*hello, visit);
    if (!checked) co_return checked.error();
    co_return std::move(*hello);
}

Awaitable<Outcome<>> LinkSession::check(const proto::LinkHello& hello, Reception::Visit& visit) {
    if (!visit.said_hello()) {
        co_await refuse("busy", "too many connections wait for their probe");
        co_return Failure("too many connections wait for their probe");
    }
    const auto version = proto::choose_version(hello.versions);
    if (!version) {
        co_await refuse("version", version.error().message());
        co_return Failure(version.error().message());
    }
    const Claim claim{.boot_id = hello.boot_id, .epoch = hello.epoch, .link_key = hello.link_key};
    const Outcome<> believed = co_await collector_.believe(claim, hello.nonce);
    if (!believed) co_await refuse("refused", believed.error().message);
    co_return believed;
}

Awaitable<Outcome<>> LinkSession::acknowledge(proto::LinkHello hello) {
    auto answer = co_await collector_.document_for(hello.generation);
    if (!answer) {
        co_await refuse("busy", answer.error().message);
        co_return answer.error();
    }
    const bool known = answer->generation && *answer->generation != hello.generation;
    json::object line{{"boot_id", hello.boot_id},
                      {"generation", hello.generation},
                      {"epoch", hello.epoch},
                      {"new_generation", known ? json::value(*answer->generation) : nullptr}};
    (void)co_await collector_.log("hello", std::move(line)); // a failure was said
    if (!hello.streams.empty()) {
        collector_.expected_ = {hello.streams.begin(), hello.streams.end()};
        // A stream that no connection can be of would never end.
        std::erase_if(collector_.expected_, [](const std::string& stream) {
            return stream != "stdout" && stream != "stderr";
        });
    }
    const auto way = co_await measure_way();
    if (!way) co_return way.error();
    const proto::LinkHelloAck ack{
        .version = proto::choose_version(hello.versions).value(), // check() saw that there is one
        .nonce = hello.nonce,
        .document = stamp(std::move(*answer), *way)};
    stream_.send({.type = FrameType::hello_ack}, json::serialize(to_json(ack)));
    co_return Outcome<>();
}

Awaitable<Outcome<Clock::duration>> LinkSession::measure_way() {
    constexpr int rounds = 3; // the first wakes pages of the guest that nobody has used yet
    Clock::duration there_and_back = Clock::duration::max();
    for (int round = 0; round < rounds; ++round) {
        const auto sent = Clock::now();
        stream_.send({.type = FrameType::ping}, "way");
        const Outcome<> answered = co_await read_pong(sent + way_limit);
        if (!answered) co_return answered.error();
        there_and_back = std::min<Clock::duration>(there_and_back, Clock::now() - sent);
    }
    co_return there_and_back / 2;
}

Awaitable<Outcome<>> LinkSession::read_pong(Clock::time_point deadline) {
    for (;;) {
        auto frame = co_await stream_.read(deadline);
        if (!frame) co_return frame.error();
        if (!*frame) co_return Failure("the connection ended before the answer to PING");
        const FrameType type = (*frame)->header.type;
        if (type == FrameType::pong) co_return Outcome<>();
        // A guest whose hello has waited for long asks whether we are still there.
        if (type != FrameType::ping)
            co_return Failure("a frame after HELLO is not the answer to PING");
        stream_.send({.type = FrameType::pong}, (*frame)->payload);
    }
}

Awaitable<Outcome<>> LinkSession::follow() {
    for (;;) {
        auto frame = co_await stream_.read();
        if (!frame) co_return frame.error();
        if (!*frame) co_return Outcome<>();
        heard_ = Clock::now();
        const Outcome<> taken = co_await take(**frame);
        if (!taken) co_return taken.error();
    }
}

Awaitable<Outcome<>> LinkSession::take(const proto::Frame& frame) {
    if (frame.header.type == FrameType::event) {
        const Outcome<> taken = co_await take_event(frame);
        co_return taken;
    }
    if (frame.header.type == FrameType::confirm) {
        const auto report = proto::parse_json(frame.payload);
        if (!report) co_return Failure(report.error().message());
        // From here on this generation belongs to the guest that we speak with.
        if (const auto parsed = proto::parse_restore_report(*report))
            collector_.ledger_.taken(parsed->generation);
        json::object line{{"report", *report}};
        (void)co_await collector_.log("confirm", std::move(line)); // a failure was said
    } else if (frame.header.type == FrameType::ping) {
        stream_.send({.type = FrameType::pong}, frame.payload);
    } else if (frame.header.type == FrameType::error) {
        const auto error = proto::parse_error_document(frame.payload);
        co_return Failure(error ? error->message : "the guest gave up without a reason");
    }
    co_return Outcome<>();
}

Awaitable<Outcome<>> LinkSession::take_event(const proto::Frame& frame) {
    auto event = proto::parse_event(frame.payload);
    if (!event) {
        json::object line{{"message", event.error().message()}};
        (void)co_await collector_.log("bad_event", std::move(line)); // a failure was said
        co_return Outcome<>();
    }
    json::object line = event->body;
    if (event->sequence != 0) line["sequence"] = event->sequence;
    Outcome<> written = co_await collector_.log(event->type, line);
    Timer pause(stream_.executor());
    while (!written && !stream_.closed()) { // for the full disk to have room again
        pause.expires_after(disk_pause);
        (void)co_await pause.async_wait(no_throw); // ends early only when everything is cancelled
        heard_ = Clock::now(); // the guest's frames wait for us, not we for them
        written = co_await collector_.log(event->type, line);
    }
    if (!written) co_return written; // not acknowledged, it comes again on the next link
    if (event->type == "workload_exit") collector_.workload_ended_ = true;
    if (event->sequence != 0)
        stream_.send({.type = FrameType::ack,
                      .stream = proto::stream_id::none,
                      .flags = 0,
                      .length = 0,
                      .offset = event->sequence},
                     json::serialize(to_json(proto::Ack{})));
    collector_.progress();
    co_return Outcome<>();
}

} // namespace rouse::host
