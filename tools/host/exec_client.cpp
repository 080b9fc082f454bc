#include "tools/host/exec_client.hpp"

#include "proto/limits.hpp"
#include "tools/host/session_id.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <csignal>

namespace rouse::host {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using proto::FrameType;

constexpr auto start_attempt = 10s; // the guest's gate may hold an exec for spawn_gate
constexpr auto attach_attempt = 5s;
/// Our clock of the grace begins when we notice the loss, maybe before the guest does.
constexpr auto grace_margin = 2s;
constexpr auto last_flush = 1s;
constexpr auto last_words = 200ms;
// As on the link (proto/README.md, "Link").
constexpr auto ping_after = 5s;
constexpr auto dead_after = 15s;
constexpr auto watch_interval = 1s;
/// An outage shorter than this is not worth a word.
constexpr auto short_outage = 1s;

} // namespace

ExecClient::ExecClient(Dialer& dialer, Sink sink, ExecListener listener)
    : dialer_(dialer), listener_(std::move(listener)), sessions_(dialer),
      tasks_(dialer.executor(),
             [this](const std::string& what) {
                 if (!result_) result_ = failure(what);
                 over_.cancel();
             }),
      over_(dialer.executor(), Clock::time_point::max()), in_(dialer.executor()),
      out_(dialer.executor(), proto::stream_id::out, sink),
      err_(dialer.executor(), proto::stream_id::err, std::move(sink)) {}

Awaitable<Outcome<ExecEnd>> ExecClient::run(proto::ExecRequest request, ExecInput::Source input,
                                            Clock::time_point deadline) {
    if (request.session.id.empty()) request.session.id = new_session_id();
    id_ = request.session.id;
    grace_ = request.session.reattach_grace;
    kill_when_abandoned_ = request.session.on_disconnect == proto::OnDisconnect::kill;
    request_ = json::serialize(to_json(request));
    const auto kind = input ? ExecInput::Kind::from_source : ExecInput::Kind::ended;
    return serve(kind, std::move(input), deadline);
}

Awaitable<Outcome<ExecEnd>> ExecClient::attach(Place place, ExecInput::Source input,
                                               Clock::time_point deadline) {
    id_ = std::move(place.id);
    from_ = place.from;
    out_.begin_at(from_.out.value_or(0));
    err_.begin_at(from_.err.value_or(0));
    const bool writes = input && from_.control;
    const auto kind = writes ? ExecInput::Kind::from_source : ExecInput::Kind::none;
    return serve(kind, std::move(input), deadline);
}

Awaitable<Outcome<ExecEnd>> ExecClient::serve(ExecInput::Kind kind, ExecInput::Source source,
                                              Clock::time_point deadline) {
    in_.begin(kind, std::move(source));
    tasks_.spawn(in_.pump());
    tasks_.spawn(out_.drain());
    tasks_.spawn(err_.drain());
    tasks_.spawn(watch());
    tasks_.spawn(live(deadline));
    while (!result_ && !abandoned_)
        (void)co_await over_.async_wait(no_throw); // cancelled at the end
    tasks_.cancel();
    co_await tasks_.join();
    // Nothing waits but a last signal.
    if (stream_) co_await stream_->flush(Clock::now() + last_words);
    disconnect();
    if (!result_) co_return failure("given up by a signal");
    co_return std::move(*result_);
}

Awaitable<> ExecClient::live(Clock::time_point deadline) {
    Outcome<> done = co_await stay(deadline);
    if (done) done = co_await settle();
    if (done)
        result_ = end_;
    else
        result_ = done.error();
    over_.cancel();
}

Failure ExecClient::unreached(const Failure& why) const {
    if (!lost_at_) return why;
    return failure(fmt::format("lost the connection ({}): {}", why_lost_, why.message));
}

/// From connection to connection, until everything has come.
Awaitable<Outcome<>> ExecClient::stay(Clock::time_point deadline) {
    for (;;) {
        auto reached = co_await connect(deadline);
        if (!reached) co_return unreached(reached.error());
        stream_ = std::move(*reached);
        heard_ = Clock::now();
        const Clock::time_point began = heard_;
        const Outcome<bool> complete = co_await converse();
        if (!complete) co_return failure(complete.error().message);
        if (*complete) co_return Outcome<>();
        if (connected_) deadline = Clock::now() + grace_ + grace_margin;
        if (!lost_at_) lost_at_ = Clock::now();
        disconnect();
        if (Clock::now() - began > BackOff::longest) sessions_.succeeded();
        const bool again = co_await sessions_.pause(deadline);
        if (!again) co_return failure(fmt::format("lost the connection ({})", why_lost_));
    }
}

Awaitable<Outcome<std::unique_ptr<FrameStream>>> ExecClient::connect(Clock::time_point deadline) {
    HttpQuestion question{.method = "POST",
                          .path = fmt::format("/v1/sessions/{}/attach", id_),
                          .body = {},
                          .upgrade = std::string(proto::exec_upgrade_token)};
    const bool starts = !started_ && !request_.empty();
    if (starts) {
        question.path = "/v1/exec";
        question.body = request_;
    } else {
        proto::AttachRequest request = from_;
        if (started_) request.out = out_.received();
        if (started_) request.err = err_.received();
        question.body = json::serialize(to_json(request));
    }
    const auto unreachable =
        lost_at_ ? SessionDialer::Unreachable::is_tried_again : SessionDialer::Unreachable::fails;
    return sessions_.reach(std::move(question), deadline, starts ? start_attempt : attach_attempt,
                           unreachable);
}

/// Takes frames of one connection: whether everything has come. False: the connection is lost.
Awaitable<Outcome<bool>> ExecClient::converse() {
    while (!has_all() && !end_.failure && !end_.detached) {
        auto frame = co_await stream_->read();
        if (refused()) co_return Failure("the output cannot be written");
        if (!frame && stream_->refused()) co_return frame.error();
        if (!frame || !*frame) {
            note_loss(frame ? "closed" : frame.error().message);
            co_return false;
        }
        heard_ = Clock::now();
        const Outcome<> taken = take(**frame);
        if (!taken) co_return taken.error();
    }
    co_return true;
}

void ExecClient::note_loss(std::string why) {
    // Whoever closed it here has said why.
    if (!stream_->closed()) why_lost_ = std::move(why);
}

/// What has come is still to be taken by whoever reads our output.
Awaitable<Outcome<>> ExecClient::settle() {
    if (has_all() && !end_.detached) {
        co_await out_.settled();
        co_await err_.settled();
    }
    if (refused()) co_return failure("the output cannot be written");
    co_await stream_->flush(Clock::now() + last_flush);
    co_return Outcome<>();
}

Awaitable<> ExecClient::watch() {
    Timer timer(dialer_.executor());
    for (;;) {
        timer.expires_after(watch_interval);
        (void)co_await timer.async_wait(no_throw); // cancelled with all tasks, which throws
        watch_once();
    }
}

void ExecClient::watch_once() {
    const Clock::time_point now = Clock::now();
    if (started_ && lost_at_ && !told_ && now - *lost_at_ > short_outage) {
        told_ = true;
        notice(fmt::format("'{}': lost the connection ({}), attaching again", id_, why_lost_));
    }
    if (!connected_ || has_all() || now - heard_ < ping_after) return;
    if (now - heard_ < dead_after) return stream_->send({.type = FrameType::ping}, "alive");
    why_lost_ = "no answer";
    stream_->close();
}

void ExecClient::disconnect() {
    in_.disconnect();
    out_.disconnect();
    err_.disconnect();
    connected_ = false;
    stream_.reset();
}

void ExecClient::send(FrameType type, const json::value& payload) {
    stream_->send({.type = type}, json::serialize(payload));
}

void ExecClient::signal(int number) {
    constexpr std::size_t most_waiting = 16;
    const proto::SignalRequest request{.signal = static_cast<std::uint32_t>(number)};
    if (connected_)
        send(FrameType::signal, to_json(request));
    else if (signals_.size() < most_waiting)
        signals_.push_back(number);
}

void ExecClient::resize(proto::TerminalSize size) {
    size_ = size;
    if (connected_) send(FrameType::resize, to_json(size));
}

void ExecClient::detach() {
    detaching_ = true;
    if (connected_) send(FrameType::detach, json::object());
}

void ExecClient::abandon() {
    if (connected_ && kill_when_abandoned_) signal(SIGKILL);
    leave();
}

void ExecClient::leave() {
    abandoned_ = true;
    over_.cancel();
}

Failure ExecClient::failure(const std::string& reason) const {
    return Failure(fmt::format("'{}': exec: {}", dialer_.target().text(), reason));
}

} // namespace rouse::host
