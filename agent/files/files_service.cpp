#include "agent/files/files_service.hpp"

#include "agent/files/place.hpp"
#include "agent/files/transfer.hpp"
#include "agent/io/race.hpp"
#include "proto/limits.hpp"
#include "proto/text.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <utility>
#include <variant>

namespace rouse::files {

namespace json = boost::json;

namespace {

const char* verb_name(FilesRequest::Verb verb) {
    switch (verb) {
    case FilesRequest::Verb::create:
        return "create";
    case FilesRequest::Verb::extract:
        return "extract";
    case FilesRequest::Verb::stat:
        break;
    }
    return "stat";
}

std::string query(const io::HttpRequest& request, const std::string& name) {
    const auto found = request.query.find(name);
    return found == request.query.end() ? std::string() : found->second;
}

/// What is wrong with the query; empty: nothing.
std::string what_is_wrong_with(const io::HttpRequest& request) {
    const std::string path = query(request, "path");
    if (!path.starts_with('/')) return "path: an absolute path is needed";
    for (const char* name : {"path", "as", "user"})
        if (query(request, name).find('\0') != std::string::npos)
            return fmt::format("{}: contains a zero byte", name);
    const std::string as = query(request, "as");
    if (!as.empty() && !is_leaf(as)) return "as: must be a name without a slash";
    return "";
}

proto::Command command_for(const std::string& program, const io::HttpRequest& request,
                           FilesRequest::Verb verb) {
    proto::Command command;
    command.argv = {program, "files", verb_name(verb), "--json"};
    if (const std::string as = query(request, "as"); !as.empty())
        command.argv.insert(command.argv.end(), {"--as", as});
    command.argv.insert(command.argv.end(), {"--", query(request, "path")});
    command.cwd = "/";
    command.user = query(request, "user");
    return command;
}

io::HttpReply refusal(const Failure& failure) {
    io::HttpReply reply;
    reply.status = http_status(failure.kind);
    reply.body = json::serialize(json::object{{"error", to_json(failure)}});
    return reply;
}

io::HttpReply no_applet(const proto::SpawnFailure& failure) {
    return failure.stage == "user" ? refusal({"bad_request", "", failure.message})
                                   : refusal({"spawn", "", failure.message});
}

io::HttpReply tally_reply(const Applet& applet, const std::string& output) {
    boost::system::error_code error;
    json::value tally = json::parse(output, error);
    if (error || !tally.is_object())
        return refusal({"failed", "", "the program for files told no tally"});
    tally.get_object()["warnings"] = applet.complaints().warnings();
    tally.get_object()["warned"] = applet.complaints().warned();
    io::HttpReply reply;
    reply.body = json::serialize(tally);
    return reply;
}

/// Gives a place among the applets back.
class Place {
public:
    Place(std::uint64_t& running, std::function<void()> on_end)
        : running_(running), on_end_(std::move(on_end)) {
        ++running_;
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    Place(Place&&) = delete;
    Place& operator=(Place&&) = delete;
    ~Place() {
        --running_;
        on_end_();
    }

private:
    std::uint64_t& running_;
    std::function<void()> on_end_;
};

} // namespace

FilesService::FilesService(supervise::Spawner& spawner, io::TaskGroup& tasks, io::SpawnGate gate,
                           OnFilesEvent on_event, FilesOptions options)
    : spawner_(spawner), tasks_(tasks), gate_(std::move(gate)), on_event_(std::move(on_event)),
      options_(std::move(options)) {}

io::HttpRoute FilesService::get_route() {
    io::HttpRoute route;
    route.handler = [this](io::HttpRequest request) { return get(std::move(request)); };
    return route;
}

io::HttpRoute FilesService::put_route() {
    io::HttpRoute route;
    route.body_handler = [this](io::HttpRequest request, const io::HttpSource& body) {
        return put(std::move(request), body);
    };
    return route;
}

std::shared_ptr<void> FilesService::take_place(const std::shared_ptr<Applet>& applet,
                                               std::uint64_t number) {
    running_[number] = applet;
    return std::make_shared<Place>(counters_.running,
                                   [this, borrowed = std::weak_ptr<Applet>(applet), number] {
                                       running_.erase(number);
                                       const std::shared_ptr<Applet> ended = borrowed.lock();
                                       if (ended && ended->ended()) end(*ended, number);
                                   });
}

std::vector<std::shared_ptr<Applet>> FilesService::running() const {
    std::vector<std::shared_ptr<Applet>> all;
    for (const auto& [number, applet] : running_)
        if (std::shared_ptr<Applet> held = applet.lock()) all.push_back(std::move(held));
    return all;
}

io::Awaitable<FilesService::Started> FilesService::start(io::HttpRequest request,
                                                         FilesRequest::Verb verb) {
    if (const std::string wrong = what_is_wrong_with(request); !wrong.empty())
        co_return io::HttpReply::error(400, "bad_request", wrong);
    if (counters_.running >= proto::limits::files_transfers)
        co_return io::HttpReply::error(
            503, "busy", fmt::format("{} requests for files are running", counters_.running));
    const io::Executor executor = co_await io::asio::this_coro::executor;
    const std::uint64_t number = ++numbers_;
    const auto applet = std::make_shared<Applet>(executor, fmt::format("files-{}", number),
                                                 fmt::format("rouse files {}", verb_name(verb)));
    std::shared_ptr<void> place = take_place(applet, number);
    io::Awaitable<std::optional<io::HttpReply>> waiting = gate_.wait();
    std::optional<io::HttpReply> refused = co_await std::move(waiting);
    if (refused) co_return std::move(*refused);
    const auto input =
        verb == FilesRequest::Verb::extract ? Applet::Input::pipe : Applet::Input::null;
    io::Awaitable<std::optional<proto::SpawnFailure>> starting = applet->start(
        spawner_, tasks_, command_for(options_.program, request, verb), input, std::move(place));
    const std::optional<proto::SpawnFailure> failure = co_await std::move(starting);
    if (failure) {
        ++counters_.failed_total;
        co_return no_applet(*failure);
    }
    ++counters_.started_total;
    auto use = std::make_shared<AppletUse>(applet);
    tell_start(request, verb, number, applet->pid());
    co_return use;
}

void FilesService::tell_start(const io::HttpRequest& request, FilesRequest::Verb verb,
                              std::uint64_t number, pid_t pid) {
    if (!on_event_) return;
    on_event_("files_started", {{"number", number},
                                {"verb", verb_name(verb)},
                                {"path", proto::as_utf8(query(request, "path"))},
                                {"user", proto::as_utf8(query(request, "user"))},
                                {"pid", pid}});
}

void FilesService::end(const Applet& applet, std::uint64_t number) {
    const std::optional<Failure> failure = applet.failure();
    if (failure) ++counters_.failed_total;
    if (!on_event_) return;
    json::object body{
        {"number", number}, {"pid", applet.pid()}, {"warnings", applet.complaints().warned()}};
    if (failure) body["error"] = to_json(*failure);
    on_event_("files_ended", std::move(body));
}

io::Awaitable<io::HttpReply> FilesService::get(io::HttpRequest request) {
    const bool stat = query(request, "stat") == "1";
    io::Awaitable<Started> starting =
        start(std::move(request), stat ? FilesRequest::Verb::stat : FilesRequest::Verb::create);
    Started started = co_await std::move(starting);
    if (auto* refused = std::get_if<io::HttpReply>(&started)) co_return std::move(*refused);
    const auto use = std::get<std::shared_ptr<AppletUse>>(started);
    Applet& applet = **use;
    // An applet that fails early says nothing on its output, and then the answer can say why.
    io::Awaitable<std::string> reading = stat ? read_rest(applet) : read_piece(applet);
    std::string first = co_await std::move(reading);
    if (first.empty() || stat) {
        io::Awaitable<> ending = applet.wait_ended();
        co_await std::move(ending);
        if (const std::optional<Failure> failure = applet.failure()) co_return refusal(*failure);
    }
    io::HttpReply reply;
    if (stat) {
        reply.body = std::move(first);
        co_return reply;
    }
    reply.content_type = "application/x-tar";
    reply.stream = [use, first](const io::HttpSink& send) {
        return send_archive(use, first, send);
    };
    co_return reply;
}

io::Awaitable<io::HttpReply> FilesService::put(io::HttpRequest request,
                                               const io::HttpSource& body) {
    using State = io::HttpBodyPiece::State;
    io::Awaitable<Started> starting = start(std::move(request), FilesRequest::Verb::extract);
    Started started = co_await std::move(starting);
    if (auto* refused = std::get_if<io::HttpReply>(&started)) co_return std::move(*refused);
    const auto use = std::get<std::shared_ptr<AppletUse>>(started);
    Applet& applet = **use;
    State state = State::bytes;
    // It may fail while the client has nothing to send.
    io::Awaitable<io::Winner> racing =
        io::race(feed_archive(applet, body, state), applet.wait_ended());
    (void)co_await std::move(racing); // it has ended in both cases
    if (state == State::too_slow)
        co_return io::HttpReply::error(408, "too_slow", "the archive did not arrive in time");
    if (state == State::malformed)
        co_return io::HttpReply::error(400, "malformed_request", "the body is not chunked well");
    if (const std::optional<Failure> failure = applet.failure()) co_return refusal(*failure);
    io::Awaitable<std::string> reading = read_rest(applet);
    const std::string output = co_await std::move(reading);
    co_return tally_reply(applet, output);
}

} // namespace rouse::files
