// rousectl ps, signal and wait: sessions of a guest, without staying with them.
#include "tools/rousectl/sessions.hpp"

#include "proto/fields.hpp"
#include "proto/tables/tables.hpp"
#include "tools/host/session_dialer.hpp"
#include "tools/host/signal_names.hpp"
#include "tools/rousectl/session.hpp"

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <memory>

namespace rouse::ctl {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr unsigned ok_status = 200;
/// How long the guest may hold a question for the end of a session, and how long a guest that went
/// away may take to come back.
constexpr auto wait_at_a_time = 30s;
constexpr auto return_patience = 60s;

/// The body of an answer with status 200. Throws with the guest's words for any other.
std::string body_of(const host::Target& target, const host::HttpQuestion& question,
                    const host::Outcome<host::HttpAnswer>& answer) {
    if (!answer) throw std::runtime_error(answer.error().message);
    if (answer->status != ok_status)
        throw std::runtime_error(fmt::format("'{}': {} {}: {}", target.text(), question.method,
                                             question.path, host::describe_answer(*answer)));
    return answer->body;
}

std::string ask_once(const host::Target& target, const host::HttpQuestion& question) {
    boost::asio::io_context io{1};
    host::Dialer dialer(io.get_executor(), target);
    return body_of(
        target, question,
        run_to_end(io, host::http_ask(dialer, question, host::Clock::now() + answer_limit)));
}

proto::SessionDocument read_session(const host::Target& target, const std::string& body) {
    const auto document = proto::parse_json(body);
    const auto session = document ? proto::parse_session_document(*document) : document.error();
    if (!session)
        throw std::runtime_error(
            fmt::format("'{}': session: {}", target.text(), session.error().message()));
    return *session;
}

int list_sessions(const host::Target& target, bool as_json) {
    const std::string body =
        ask_once(target, {.method = "GET", .path = "/v1/sessions", .body = {}, .upgrade = {}});
    const auto document = proto::parse_json(body);
    const bool as_table = !as_json && document;
    (void)print(1, as_table ? proto::tables::sessions_table(*document)
                            : body + "\n"); // a reader that has gone wants no more
    return 0;
}

int signal_session(const host::Target& target, const std::string& id, const std::string& name) {
    const auto number = host::parse_signal(name);
    if (!number) throw std::runtime_error(number.error().message);
    check_session_name(id);
    (void)ask_once(target, {.method = "POST",
                            .path = fmt::format("/v1/sessions/{}/signal", id),
                            .body = json::serialize(json::object{{"signal", *number}}),
                            .upgrade = {}}); // the session as it is then says nothing more
    return 0;
}

/// Asks until the session has ended; over restores, too.
proto::SessionDocument await_end(const host::Target& target, const std::string& id) {
    const host::HttpQuestion question{
        .method = "GET",
        .path = fmt::format("/v1/sessions/{}/wait?timeout_ms={}", id,
                            std::chrono::milliseconds(wait_at_a_time).count()),
        .body = {},
        .upgrade = {}};
    boost::asio::io_context io{1};
    host::Dialer dialer(io.get_executor(), target);
    for (;;) {
        const auto answer = run_to_end(io, host::http_ask_again(dialer, question, return_patience));
        io.restart();
        proto::SessionDocument session = read_session(target, body_of(target, question, answer));
        if (session.exit || session.error) return session;
    }
}

int wait_for_sessions(const host::Target& target, const std::vector<std::string>& ids) {
    for (const std::string& id : ids)
        check_session_name(id);
    for (const std::string& id : ids) {
        const proto::SessionDocument session = await_end(target, id);
        const int code = session.exit ? proto::shell_exit_code(*session.exit)
                                      : proto::shell_exit_code(*session.error);
        if (!print(1, fmt::format("{}\n", code))) return own_error;
    }
    return 0;
}

} // namespace

void check_session_name(const std::string& id) {
    if (!proto::is_session_name(id))
        throw std::runtime_error(fmt::format("'{}' names no session: rousectl ps lists them", id));
}

proto::SessionDocument find_session(const host::Target& target, const std::string& id) {
    check_session_name(id);
    return read_session(
        target,
        ask_once(target,
                 {.method = "GET", .path = "/v1/sessions/" + id, .body = {}, .upgrade = {}}));
}

void add_ps(CLI::App& app, const Common& common, Command& chosen) {
    auto* command = app.add_subcommand("ps", "Lists the sessions of a guest, its workload first.");
    const auto as_json = std::make_shared<bool>(false);
    command->add_flag("--json", *as_json, "The document as the agent sent it");
    command->callback([&common, &chosen, as_json] {
        chosen = [&common, as_json] { return list_sessions(target_of(common), *as_json); };
    });
}

void add_signal(CLI::App& app, const Common& common, Command& chosen) {
    auto* command =
        app.add_subcommand("signal", "Sends a signal to the process group of a session.");
    const auto id = std::make_shared<std::string>();
    const auto name = std::make_shared<std::string>();
    command->add_option("session", *id, "Its id; main is the workload")->required();
    command->add_option("signal", *name, "TERM, SIGTERM or 15")->required();
    command->callback([&common, &chosen, id, name] {
        chosen = [&common, id, name] { return signal_session(target_of(common), *id, *name); };
    });
}

void add_wait(CLI::App& app, const Common& common, Command& chosen) {
    auto* command = app.add_subcommand(
        "wait", "Waits until sessions have ended, and prints the exit code of each; or, as 'wait "
                "restored', until the guest has come through a restore.");
    const auto ids = std::make_shared<std::vector<std::string>>();
    command->add_option("session", *ids, "Their ids; main is the workload");
    add_wait_restored(*command, common, chosen);
    command->callback([&common, &chosen, command, ids] {
        if (!command->get_subcommands().empty()) return; // its own callback has chosen
        if (ids->empty()) throw CLI::RequiredError("session");
        chosen = [&common, ids] { return wait_for_sessions(target_of(common), *ids); };
    });
}

} // namespace rouse::ctl
