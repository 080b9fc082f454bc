// rousectl restore: tells a guest who it is after it was restored from a snapshot.
#include "tools/host/http_client.hpp"
#include "tools/host/probe.hpp"
#include "tools/rousectl/restore_options.hpp"
#include "tools/rousectl/restore_report.hpp"
#include "tools/rousectl/session.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>

namespace rouse::ctl {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr auto chain_limit = 30s;
constexpr int most_tries = 3;

/// Another trigger of the same restore may close our connection before it has carried ours: then
/// we say it again. The same generation twice is saying it once.
host::Outcome<host::HttpAnswer> ask_restore(const host::Target& target,
                                            proto::RestoreDocument document) {
    const auto deadline = host::Clock::now() + chain_limit;
    for (int tries = 1;; ++tries) {
        boost::asio::io_context io{1};
        host::Dialer dialer(io.get_executor(), target);
        if (document.now_ns) document.now_ns = wall_clock();
        const host::HttpQuestion question{.method = "POST",
                                          .path = "/v1/restore",
                                          .body = json::serialize(to_json(document)),
                                          .upgrade = {}};
        auto answer = run_to_end(io, host::http_ask(dialer, question, deadline));
        if (answer || tries == most_tries || host::Clock::now() >= deadline) return answer;
    }
}

int restore(const host::Target& target, const RestoreOptions& options) {
    const auto answer = ask_restore(target, to_document(options));
    if (!answer) {
        complain(answer.error().message);
        return own_error;
    }
    const auto document = proto::parse_json(answer->body);
    if (answer->status != 200 || !document) {
        complain(fmt::format("'{}': restore: {}", target.text(), describe_answer(*answer)));
        return own_error;
    }
    const auto report = proto::parse_restore_report(*document);
    if (!report) {
        complain(fmt::format("'{}': restore: {}", target.text(), report.error().message()));
        return own_error;
    }
    (void)print(1, options.as_json ? answer->body + "\n"
                                   : restore_table(*report)); // nobody else to tell
    return report->state == "failed" ? 1 : 0;
}

} // namespace

void add_restore(CLI::App& app, const Common& common, Command& chosen) {
    auto* command = app.add_subcommand(
        "restore",
        "Tells the guest that it was restored from a snapshot, and who it is now. Prints "
        "what it did.\nExit code 1 when a step failed. Not needed where a collector "
        "serves the link.");
    const auto options = std::make_shared<RestoreOptions>();
    add_restore_options(*command, *options);
    command->callback([&common, &chosen, options] {
        chosen = [&common, options] { return restore(target_of(common), *options); };
    });
}

} // namespace rouse::ctl
