// rousectl debug, metrics and events: what goes on inside a guest.
#include "proto/fields.hpp"
#include "proto/tables/tables.hpp"
#include "tools/host/http_stream.hpp"
#include "tools/rousectl/session.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>

#include <csignal>
#include <memory>

namespace rouse::ctl {
namespace {

namespace json = boost::json;
namespace tables = proto::tables;
using namespace std::chrono_literals;

/// How long a guest that went away (a restore) may take to come back to who follows its events.
constexpr auto return_limit = 60s;

std::string get(const host::Target& target, const std::string& path) {
    boost::asio::io_context io{1};
    host::Dialer dialer(io.get_executor(), target);
    const host::HttpQuestion question{.method = "GET", .path = path, .body = {}, .upgrade = {}};
    const auto answer =
        run_to_end(io, host::http_ask(dialer, question, host::Clock::now() + answer_limit));
    if (!answer) throw std::runtime_error(answer.error().message);
    if (answer->status != 200)
        throw std::runtime_error(
            fmt::format("'{}': {}: {}", target.text(), path, host::describe_answer(*answer)));
    return answer->body;
}

int show_topic(const host::Target& target, const std::string& name, bool as_json) {
    const std::string body = get(target, "/v1/debug/" + name);
    const auto document = proto::parse_json(body);
    const tables::Topic* const topic = tables::find_topic(name);
    const bool as_table = !as_json && document && topic != nullptr;
    (void)print(1, as_table ? topic->table(*document) : body + "\n"); // gone readers want no more
    return 0;
}

int show_metrics(const host::Target& target) {
    (void)print(1, get(target, "/v1/metrics")); // a reader that has gone wants no more
    return 0;
}

struct EventOptions {
    bool follow = false;
    bool as_json = false;
    std::uint64_t since = 0;
};

/// Prints whole lines as they come and remembers where it was.
class EventPrinter {
public:
    explicit EventPrinter(const EventOptions& options)
        : as_json_(options.as_json), last_(options.since) {}

    /// False when nobody reads what is printed.
    bool take(std::string_view piece) {
        waiting_ += piece;
        std::string text;
        for (std::size_t end = waiting_.find('\n'); end != std::string::npos;
             end = waiting_.find('\n')) {
            const std::string line = waiting_.substr(0, end + 1);
            waiting_.erase(0, end + 1);
            const auto event = proto::parse_json(line);
            if (event) remember(*event);
            text += as_json_ || !event ? line : tables::event_line(*event);
        }
        return print(1, text);
    }
    /// The rest of a line that broke off comes again.
    void forget_the_rest() { waiting_.clear(); }
    [[nodiscard]] std::uint64_t last() const { return last_; }

private:
    void remember(const json::value& event) {
        boost::system::error_code missing;
        const json::value* const number = event.find_pointer("/sequence", missing);
        if (number != nullptr && number->is_number()) last_ = number->to_number<std::uint64_t>();
    }

    bool as_json_;
    std::uint64_t last_;
    std::string waiting_;
};

host::Awaitable<host::Outcome<host::StreamEnd>>
follow_events(host::Dialer& dialer, const EventOptions& options, EventPrinter& printer) {
    std::chrono::seconds patience = answer_limit;
    for (;;) {
        std::string path = fmt::format("/v1/events?follow={}", options.follow ? 1 : 0);
        if (printer.last() > 0) path += fmt::format("&since={}", printer.last());
        host::OnPiece take = [&printer](std::string_view piece) { return printer.take(piece); };
        auto ended = co_await host::http_stream(dialer, std::move(path),
                                                host::Clock::now() + patience, std::move(take));
        if (!ended || !options.follow || *ended != host::StreamEnd::cut) co_return ended;
        // The guest was restored, or is about to end: it tells what we missed, or is not found.
        printer.forget_the_rest();
        patience = return_limit;
    }
}

int show_events(const host::Target& target, const EventOptions& options) {
    boost::asio::io_context io{1};
    host::Dialer dialer(io.get_executor(), target);
    EventPrinter printer(options);
    boost::asio::signal_set signals(io, SIGINT, SIGTERM);
    bool interrupted = false;
    host::Outcome<host::StreamEnd> ended = host::StreamEnd::unwanted;
    signals.async_wait([&](boost::system::error_code error, int) {
        interrupted = !error;
        io.stop();
    });
    boost::asio::co_spawn(io, follow_events(dialer, options, printer),
                          [&](const std::exception_ptr&, host::Outcome<host::StreamEnd> how) {
                              ended = std::move(how);
                              io.stop();
                          });
    io.run();
    if (interrupted) return 0;
    if (!ended) throw std::runtime_error(ended.error().message);
    if (*ended == host::StreamEnd::cut)
        throw std::runtime_error(fmt::format("'{}': the answer was cut off", target.text()));
    return 0;
}

std::string topic_names() {
    std::string names;
    for (const tables::Topic& topic : tables::topics())
        names += fmt::format("\n  {:<8} {}", topic.name, topic.about);
    return names;
}

} // namespace

void add_debug(CLI::App& app, const Common& common, Command& chosen) {
    auto* command =
        app.add_subcommand("debug", "Shows what goes on inside the guest:" + topic_names());
    const auto topic = std::make_shared<std::string>();
    const auto as_json = std::make_shared<bool>(false);
    command->add_option("what", *topic, "Which table")
        ->required()
        ->check([](const std::string& name) {
            return tables::find_topic(name) != nullptr ? "" : name + " is none of:" + topic_names();
        });
    command->add_flag("--json", *as_json, "The document as the agent sent it");
    command->callback([&common, &chosen, topic, as_json] {
        chosen = [&common, topic, as_json] {
            return show_topic(target_of(common), *topic, *as_json);
        };
    });
}

void add_metrics(CLI::App& app, const Common& common, Command& chosen) {
    auto* command =
        app.add_subcommand("metrics", "Prints the agent's metrics as OpenMetrics text.");
    command->callback(
        [&common, &chosen] { chosen = [&common] { return show_metrics(target_of(common)); }; });
}

void add_events(CLI::App& app, const Common& common, Command& chosen) {
    auto* command = app.add_subcommand("events", "Prints what happened inside the guest.");
    const auto options = std::make_shared<EventOptions>();
    command->add_flag("-f,--follow", options->follow,
                      "Go on as more happens, also over a restore, until interrupted");
    command->add_flag("--json", options->as_json, "JSON lines as the agent sent them");
    command->add_option("--since", options->since, "Only events after this number")
        ->type_name("NUMBER");
    command->callback([&common, &chosen, options] {
        chosen = [&common, options] { return show_events(target_of(common), *options); };
    });
}

} // namespace rouse::ctl
