// rousectl wait restored: until a guest has come through a restore.
#include "proto/text.hpp"
#include "tools/host/http_client.hpp"
#include "tools/host/quantities.hpp"
#include "tools/rousectl/restore_report.hpp"
#include "tools/rousectl/session.hpp"

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <memory>

namespace rouse::ctl {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr auto between_questions = 100ms;

struct WaitOptions {
    std::string generation;
    std::string timeout = "60s";
    bool as_json = false;
};

/// What the guest's status says about its last restore; nothing unless it is the one that is waited
/// for, and over.
std::optional<json::value> restore_in(const std::string& status, const std::string& generation) {
    const auto document = proto::parse_json(status);
    if (!document) return std::nullopt;
    boost::system::error_code none;
    const json::value* report = document->find_pointer("/restore/report", none);
    if (report == nullptr) return std::nullopt;
    const auto read = proto::parse_restore_report(*report);
    if (!read || read->state == "running") return std::nullopt;
    const bool is_it =
        generation.empty() ? read->kind == "restore" : read->generation == generation;
    if (!is_it) return std::nullopt;
    return *report;
}

/// Asks again and again: the very connection that waits is what a restore ends.
host::Awaitable<host::Outcome<json::value>>
await_restore(host::Dialer& dialer, std::string generation, host::Clock::time_point deadline) {
    const host::HttpQuestion question{
        .method = "GET", .path = "/v1/status", .body = {}, .upgrade = {}};
    host::Timer pause(dialer.executor());
    std::string last = "no answer yet";
    while (host::Clock::now() < deadline) {
        auto asking = host::http_ask(dialer, question, std::min(deadline, host::Clock::now() + 5s));
        const auto answer = co_await std::move(asking);
        if (answer && answer->status == 200) {
            if (auto report = restore_in(answer->body, generation)) co_return std::move(*report);
            last = "the guest has not been restored as is waited for";
        } else {
            last = answer ? host::describe_answer(*answer) : answer.error().message;
        }
        pause.expires_after(between_questions);
        (void)co_await pause.async_wait(host::no_throw); // nobody cancels it
    }
    co_return host::Failure(last);
}

int wait_restored(const host::Target& target, const WaitOptions& options) {
    const auto patience = host::parse_duration(options.timeout);
    if (!patience) throw std::runtime_error(fmt::format("--timeout: {}", patience.error().message));
    if (!options.generation.empty() && !proto::is_uuid(options.generation))
        throw std::runtime_error("--generation takes a UUID");
    boost::asio::io_context io{1};
    host::Dialer dialer(io.get_executor(), target);
    const auto report =
        run_to_end(io, await_restore(dialer, options.generation, host::Clock::now() + *patience));
    if (!report) {
        complain(fmt::format("'{}': not restored within {}: {}", target.text(), options.timeout,
                             report.error().message));
        return own_error;
    }
    const auto read = proto::parse_restore_report(*report);
    if (!read) throw std::runtime_error(read.error().message());
    // A reader that has gone wants no more.
    (void)print(1, options.as_json ? json::serialize(*report) + "\n" : restore_table(*read));
    return read->state == "failed" ? 1 : 0;
}

} // namespace

void add_wait_restored(CLI::App& wait, const Common& common, Command& chosen) {
    auto* command = wait.add_subcommand(
        "restored", "Waits until the guest was restored from a snapshot and its restore is over, "
                    "and prints what it did.\nReturns at once where that is so already: name the "
                    "generation that you gave it.\nExit code 1 when a step failed.");
    const auto options = std::make_shared<WaitOptions>();
    command->add_option("--generation", options->generation, "The incarnation to wait for")
        ->type_name("UUID");
    command->add_option("--timeout", options->timeout, "How long at most")->capture_default_str();
    command->add_flag("--json", options->as_json, "The report as the guest sent it");
    command->callback([&common, &chosen, options] {
        chosen = [&common, options] { return wait_restored(target_of(common), *options); };
    });
}

} // namespace rouse::ctl
