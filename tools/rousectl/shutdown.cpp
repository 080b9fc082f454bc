// rousectl shutdown: ends the machine.
#include "proto/shutdown.hpp"

#include "tools/host/http_client.hpp"
#include "tools/rousectl/session.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>

namespace rouse::ctl {
namespace {

/// A guest that still answers does so within this.
constexpr std::chrono::seconds look_limit{2};

struct ShutdownOptions {
    bool reboot = false;
    bool now = false;
};

host::HttpTry ask_once(const host::Target& target, const host::HttpQuestion& question,
                       std::chrono::milliseconds limit) {
    boost::asio::io_context io{1};
    host::Dialer dialer(io.get_executor(), target);
    const auto deadline = host::Clock::now() + limit;
    return run_to_end(io, host::http_try(dialer, question, deadline, deadline));
}

/// Whether nobody serves there any more.
bool is_gone(const host::Target& target) {
    const host::HttpQuestion question{
        .method = "GET", .path = "/v1/ready", .body = {}, .upgrade = {}};
    return !ask_once(target, question, look_limit).answer;
}

int shut_down(const host::Target& target, const ShutdownOptions& options) {
    const proto::ShutdownRequest request{.action = options.reboot ? proto::ShutdownAction::reboot
                                                                  : proto::ShutdownAction::poweroff,
                                         .now = options.now};
    const host::HttpQuestion question{.method = "POST",
                                      .path = "/v1/shutdown",
                                      .body = boost::json::serialize(to_json(request)),
                                      .upgrade = {}};
    const host::HttpTry tried = ask_once(target, question, answer_limit);
    // Who had the request and is gone without a word has done as it was told.
    if (!tried.answer && tried.connected && is_gone(target)) return 0;
    if (!tried.answer) {
        complain(tried.trouble);
        return own_error;
    }
    const auto accepted = proto::parse_shutdown_accepted(tried.answer->body);
    if (tried.answer->status != 202 || !accepted) {
        complain(fmt::format("'{}': shutdown: {}", target.text(), describe_answer(*tried.answer)));
        return own_error;
    }
    const bool as_wanted = accepted->action != "exit" && !accepted->under_way;
    // A reader that has gone wants no more.
    if (!as_wanted)
        (void)print(1, fmt::format("{}{}\n", accepted->action,
                                   accepted->under_way ? ", already under way" : ""));
    return 0;
}

} // namespace

void add_shutdown(CLI::App& app, const Common& common, Command& chosen) {
    auto* command = app.add_subcommand(
        "shutdown",
        "Ends the machine in good order: workload, other processes, output and exit report, "
        "disks.\n"
        "Returns when the guest has accepted that, not when it has ended; exit code 0 then, and "
        "when it was gone before it could say so. An agent that is no machine's (rouse run) ends "
        "itself.");
    const auto options = std::make_shared<ShutdownOptions>();
    command->add_flag("--reboot", options->reboot, "Boot again, where the machine can");
    command->add_flag("--now", options->now,
                      "At once: nobody is asked to end, nothing is flushed or synced");
    command->callback([&common, &chosen, options] {
        chosen = [&common, options] { return shut_down(target_of(common), *options); };
    });
}

} // namespace rouse::ctl
