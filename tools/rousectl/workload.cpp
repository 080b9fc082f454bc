// rousectl workload: stops the workload, and has it run anew.
#include "proto/fields.hpp"
#include "tools/host/http_client.hpp"
#include "tools/rousectl/session.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>

namespace rouse::ctl {
namespace {

namespace json = boost::json;

/// The guest answers when the workload has ended: the longest grace that anybody waits for.
constexpr std::chrono::minutes longest_stop{10};

int ask_workload(const host::Target& target, const std::string& what) {
    boost::asio::io_context io{1};
    host::Dialer dialer(io.get_executor(), target);
    const host::HttpQuestion question{
        .method = "POST", .path = "/v1/workload/" + what, .body = "{}", .upgrade = {}};
    const auto answer =
        run_to_end(io, host::http_ask(dialer, question, host::Clock::now() + longest_stop));
    if (!answer) {
        complain(answer.error().message);
        return own_error;
    }
    const auto document = proto::parse_json(answer->body);
    const json::object* const session = document ? document->if_object() : nullptr;
    if (answer->status != 200 || session == nullptr || !session->contains("state")) {
        complain(fmt::format("'{}': {}: {}", target.text(), what, describe_answer(*answer)));
        return own_error;
    }
    const std::string state(session->at("state").as_string());
    (void)print(1, state + "\n"); // a reader that has gone wants no more
    const bool as_wanted = what == "stop" ? state == "stopped" : state == "running";
    return as_wanted ? 0 : 1;
}

} // namespace

void add_workload(CLI::App& app, const Common& common, Command& chosen) {
    CLI::App* const workload =
        app.add_subcommand("workload", "Stops the workload, or has it run anew.");
    workload->require_subcommand(1);
    const auto add = [&](const char* name, const char* about) {
        workload->add_subcommand(name, about)->callback([&common, &chosen, name] {
            chosen = [&common, name] { return ask_workload(target_of(common), name); };
        });
    };
    add("stop", "Tells it to end; it stays so until it is restarted. The machine goes on.");
    add("restart", "Ends the run that there is, and begins another one.");
}

} // namespace rouse::ctl
