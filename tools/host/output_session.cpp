#include "tools/host/output_session.hpp"

#include "proto/exec_stream.hpp"
#include "proto/text.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace rouse::host {
namespace {

namespace json = boost::json;
using proto::FrameType;
using namespace std::chrono_literals;

/// What is wrong with a first frame; empty when it is a hello.
std::string problem_of(const proto::Frame& first, const proto::Parsed<proto::OutputHello>& hello) {
    if (first.header.type != FrameType::hello) return "the first frame is not HELLO";
    if (!hello) return hello.error().message();
    // Both become names of files.
    if (hello->stream != "stdout" && hello->stream != "stderr")
        return "$.stream: must be stdout or stderr";
    if (!proto::is_uuid(hello->generation)) return "$.generation: must be a UUID";
    if (hello->parent_generation && !proto::is_uuid(*hello->parent_generation))
        return "$.parent_generation: must be a UUID";
    return {};
}

} // namespace

OutputSession::OutputSession(Collector& collector, Socket socket)
    : collector_(collector), stream_(std::move(socket)), work_(stream_.executor()),
      room_(stream_.executor()) {}

Awaitable<> OutputSession::run() {
    const Collector::Served served(collector_, stream_);
    auto hello = co_await greet();
    if (!hello) {
        co_await collector_.log_refusal("output_refused", "output: " + hello.error().message);
        co_return;
    }
    name_ = hello->stream;
    auto seat = co_await collector_.seats_.take(name_, stream_);
    if (!seat) co_return; // a newer connection came while an older one was leaving
    outcome_ = co_await welcome(*hello);
    if (outcome_) {
        using asio::experimental::awaitable_operators::operator&&;
        co_await (follow() && drain());
    }
    stream_.close();
    json::object line{{"stream", name_}};
    if (!outcome_) line["message"] = outcome_.error().message;
    if (!outcome_ && !collector_.stopping_)
        collector_.notice(fmt::format("{}: {}", name_, outcome_.error().message));
    (void)co_await collector_.log("output_closed", std::move(line)); // a failure was said
    seat.reset();
    collector_.progress();
}

Awaitable<> OutputSession::refuse(std::string kind, std::string message) {
    const proto::ErrorDocument error{.kind = std::move(kind), .message = std::move(message)};
    stream_.send({.type = FrameType::error}, json::serialize(to_json(error)));
    co_await stream_.flush(Clock::now() + 1s);
}

Awaitable<Outcome<proto::OutputHello>> OutputSession::greet() {
    Reception::Visit visit(collector_.reception_, stream_);
    auto first = co_await stream_.read(Clock::now() + Reception::hello_limit);
    if (!first) co_return first.error();
    if (!*first) co_return Failure("the connection ended before HELLO");
    auto hello = proto::parse_output_hello((*first)->payload);
    const std::string problem = problem_of(**first, hello);
    if (!problem.empty()) {
        co_await refuse("protocol", problem);
        co_return Failure(problem);
    }
    const Outcome<> checked = co_await check(*hello, visit);
    if (!checked) co_return checked.error();
    co_return std::move(*hello);
}

Awaitable<Outcome<>> OutputSession::check(const proto::OutputHello& hello,
                                          Reception::Visit& visit) {
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
    const Outcome<> believed = co_await collector_.believe(claim, std::string());
    if (!believed) co_await refuse("refused", believed.error().message);
    co_return believed;
}

Awaitable<Outcome<>> OutputSession::open(const proto::OutputHello& hello) {
    StreamIdentity identity{.vm = collector_.options_.name,
                            .boot_id = hello.boot_id,
                            .generation = hello.generation,
                            .stream = hello.stream,
                            .parent = hello.parent_generation};
    auto opened = co_await collector_.open_stream(std::move(identity), hello.next);
    if (!opened) co_return opened.error();
    store_ = std::move(opened->store);
    if (!opened->set_aside.empty()) {
        collector_.notice(
            fmt::format("{}: what was there is set aside: {}", name_, opened->set_aside));
        json::object why{{"stream", name_}, {"reason", opened->set_aside}, {"next", hello.next}};
        (void)co_await collector_.log("record_set_aside", std::move(why)); // a failure was said
    }
    resume_.reset();
    if (store_->extent()) {
        resume_ = store_->extent()->end;
        co_return Outcome<>();
    }
    const Disk::Work work = [store = store_.get(), oldest = hello.oldest] {
        return store->begin(oldest);
    };
    co_return co_await collector_.disk_.run(work);
}

Awaitable<Outcome<>> OutputSession::welcome(proto::OutputHello hello) {
    const Outcome<> opened = co_await open(hello);
    if (!opened) {
        co_await refuse("busy", opened.error().message);
        co_return opened;
    }
    acknowledged_ = received_ = store_->extent()->end;
    const auto nullable = [](const auto& value) { return value ? json::value(*value) : nullptr; };
    json::object line{{"stream", name_},
                      {"generation", hello.generation},
                      {"parent_generation", nullable(hello.parent_generation)},
                      {"epoch", hello.epoch},
                      {"oldest", hello.oldest},
                      {"next", hello.next},
                      {"resume", nullable(resume_)}};
    (void)co_await collector_.log("output_connected", std::move(line)); // a failure was said
    proto::OutputWelcome answer;
    answer.version = proto::choose_version(hello.versions).value(); // check() saw that there is one
    answer.resume = resume_;
    stream_.send({.type = FrameType::welcome}, json::serialize(to_json(answer)));
    co_return Outcome<>();
}

Awaitable<> OutputSession::follow() {
    while (!closing_) {
        auto frame = co_await stream_.read();
        Outcome<> taken;
        if (!frame)
            taken = frame.error();
        else if (*frame)
            taken = take(**frame);
        else if (!ended_)
            taken = Failure("the connection ended before the stream");
        const bool goes_on = taken && frame && *frame;
        if (goes_on) {
            co_await wait_for_room();
            continue;
        }
        if (!taken && outcome_) outcome_ = taken;
        const bool wrong_frame = !taken && frame && *frame;
        if (wrong_frame) co_await refuse("protocol", taken.error().message);
        break;
    }
    closing_ = true;
    work_.cancel();
}

Awaitable<> OutputSession::wait_for_room() {
    constexpr std::size_t most_pieces = 4096;
    const auto is_full = [this] {
        return held_ > 2 * proto::limits::retention_workload || spool_.size() > most_pieces;
    };
    while (is_full() && !closing_) {
        room_.expires_at(Clock::time_point::max());
        (void)co_await room_.async_wait(no_throw); // cancelled when the disk took something
    }
}

Outcome<> OutputSession::take(const proto::Frame& frame) {
    switch (frame.header.type) {
    case FrameType::data:
        return take_data(frame);
    case FrameType::dropped:
        return take_dropped(frame);
    case FrameType::eos:
        return take_end(frame);
    case FrameType::error: {
        const auto error = proto::parse_error_document(frame.payload);
        return Failure(error ? error->message : "the guest gave up without a reason");
    }
    default:
        return {};
    }
}

Outcome<> OutputSession::take_data(const proto::Frame& frame) {
    if (frame.header.offset != received_ || ended_)
        return Failure(
            fmt::format("DATA begins at {} instead of {}", frame.header.offset, received_));
    if (frame.payload.empty()) return {};
    ack_now_ = ack_now_ || (frame.header.flags & proto::frame_flag::ack_now) != 0;
    spool(Piece(Piece::Kind::data, received_, frame.payload.size(), frame.payload));
    return {};
}

Outcome<> OutputSession::take_dropped(const proto::Frame& frame) {
    const auto dropped = proto::parse_dropped(frame.payload);
    if (!dropped) return Failure(dropped.error().message());
    if (frame.header.offset != received_ || ended_)
        return Failure(
            fmt::format("DROPPED begins at {} instead of {}", frame.header.offset, received_));
    if (dropped->count > UINT64_MAX / 2 - received_)
        return Failure(fmt::format("DROPPED says {} bytes", dropped->count));
    if (dropped->count == 0) return {};
    ack_now_ = true;
    Piece gap(Piece::Kind::gap, received_, dropped->count, {});
    lost_.push_back(gap);
    spool(std::move(gap));
    return {};
}

Outcome<> OutputSession::take_end(const proto::Frame& frame) {
    const auto end = proto::parse_end_of_stream(frame.payload);
    if (!end) return Failure(end.error().message());
    if (frame.header.offset != received_ || ended_)
        return Failure(fmt::format("EOS says {} bytes, {} came", frame.header.offset, received_));
    ended_ = ack_now_ = true;
    spool(Piece(Piece::Kind::end, received_, 0, std::string(name(end->how))));
    return {};
}

} // namespace rouse::host
