#include "agent/debug/event_service.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <limits>
#include <memory>
#include <optional>

namespace rouse::debug {

namespace json = boost::json;

namespace {

/// Bytes that are handed to a reader at once.
constexpr std::size_t piece = 16 * 1024;

Moment now(std::uint64_t epoch) {
    using std::chrono::duration_cast;
    const auto wall = std::chrono::system_clock::now().time_since_epoch();
    const auto monotonic = std::chrono::steady_clock::now().time_since_epoch();
    return {.wall_ns = duration_cast<std::chrono::nanoseconds>(wall).count(),
            .monotonic_us = static_cast<std::uint64_t>(
                duration_cast<std::chrono::microseconds>(monotonic).count()),
            .epoch = epoch};
}

std::optional<std::uint64_t> number(const std::string& text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    return whole && value < std::numeric_limits<std::uint64_t>::max() ? std::optional(value)
                                                                      : std::nullopt;
}

/// A reader that counts as long as it exists.
class Reading {
public:
    explicit Reading(std::size_t& count) : count_(count) { ++count_; }
    ~Reading() { --count_; }
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;
    Reading(Reading&&) = delete;
    Reading& operator=(Reading&&) = delete;

private:
    std::size_t& count_;
};

} // namespace

EventService::EventService(const io::Executor& executor, std::function<std::uint64_t()> epoch)
    : epoch_(std::move(epoch)), recorded_(executor) {}

std::uint64_t EventService::record(std::string_view type, const json::object& body) {
    const std::uint64_t sequence = ring_.add(now(epoch_()), type, body);
    recorded_.notify_all();
    return sequence;
}

io::HttpRoute EventService::route() {
    io::HttpRoute route;
    route.handler = [this](io::HttpRequest request) { return answer(std::move(request)); };
    return route;
}

io::Awaitable<io::HttpReply> EventService::answer(io::HttpRequest request) {
    const auto since = request.query.find("since");
    const std::optional<std::uint64_t> last =
        since == request.query.end() ? ring_.oldest() - 1 : number(since->second);
    if (!last) co_return io::HttpReply::error(400, "bad_request", "since: is no event's number");
    if (readers_ >= proto::limits::event_readers)
        co_return io::HttpReply::error(503, "busy", fmt::format("{} read already", readers_));
    const bool follow = request.query["follow"] == "1";
    io::HttpReply reply;
    reply.content_type = "application/x-ndjson";
    // The place is taken now, before the head of the answer goes out, and given back with the
    // reply.
    auto place = std::make_shared<Reading>(readers_);
    reply.stream = [this, place, from = *last + 1, follow](const io::HttpSink& send) {
        return send_events(from, follow, send);
    };
    co_return reply;
}

io::Awaitable<> EventService::send_events(std::uint64_t from, bool follow,
                                          const io::HttpSink& send) {
    for (;;) {
        EventRing::Read read = ring_.read(from, piece);
        from = read.next;
        if (read.lines.empty() && !follow) co_return;
        if (read.lines.empty()) {
            io::Awaitable<> waiting = recorded_.wait();
            co_await std::move(waiting);
            continue;
        }
        io::Awaitable<bool> sending = send(std::move(read.lines));
        const bool sent = co_await std::move(sending);
        if (!sent) co_return;
    }
}

json::object EventService::counters() const {
    return {{"oldest", ring_.oldest()},
            {"next", ring_.next()},
            {"lost", ring_.lost()},
            {"bytes", ring_.bytes()},
            {"readers", readers_}};
}

json::object EventService::document() const {
    json::array events;
    const std::string lines =
        ring_.read(ring_.oldest(), std::numeric_limits<std::size_t>::max()).lines;
    std::string_view rest = lines;
    while (!rest.empty()) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        events.push_back(json::parse(line));
        rest.remove_prefix(line.size() + 1);
    }
    json::object all = counters();
    all["events"] = std::move(events);
    return all;
}

} // namespace rouse::debug
