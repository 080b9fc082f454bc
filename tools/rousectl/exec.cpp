// rousectl exec: a command in a guest, with its streams, signals and exit code.
#include "tools/command_words.hpp"
#include "tools/host/detach_keys.hpp"
#include "tools/host/input.hpp"
#include "tools/host/raw_terminal.hpp"
#include "tools/host/session_dialer.hpp"
#include "tools/host/session_id.hpp"
#include "tools/rousectl/exec_options.hpp"
#include "tools/rousectl/stay.hpp"

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <memory>

#include <unistd.h>

namespace rouse::ctl {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using namespace std::chrono_literals;

constexpr auto start_limit = 15s;

int stream_exec(const host::Target& target, const ExecOptions& options) {
    const proto::ExecRequest request = to_request(options);
    StayOptions stay;
    stay.interactive = options.interactive;
    stay.tty = options.tty;
    stay.detach_keys = options.detach_keys;
    return stay_with_session(
        target, stay, [&request](host::ExecClient& client, host::ExecInput::Source input) {
            return client.run(request, std::move(input), host::Clock::now() + start_limit);
        });
}

/// All of our standard input.
std::string whole_input() {
    std::string all;
    boost::asio::io_context io{1};
    host::Input input(io.get_executor(), 0);
    for (;;) {
        std::string bytes = run_to_end(io, input.read(65536));
        io.restart();
        if (bytes.empty()) return all;
        all += bytes;
    }
}

/// Asks until there is an answer: the id makes that safe. Throws when there is none.
host::HttpAnswer post(const host::Target& target, proto::ExecRequest request) {
    if (request.session.id.empty()) request.session.id = host::new_session_id();
    asio::io_context io{1};
    host::Dialer dialer(io.get_executor(), target);
    host::HttpQuestion question{.method = "POST",
                                .path = "/v1/exec",
                                .body = json::serialize(to_json(request)),
                                .upgrade = {}};
    const auto answer =
        run_to_end(io, host::http_ask_again(dialer, std::move(question), start_limit));
    if (!answer) throw std::runtime_error(answer.error().message);
    constexpr unsigned ok = 200;
    constexpr unsigned accepted = 202;
    if (answer->status != ok && answer->status != accepted)
        throw std::runtime_error(
            fmt::format("'{}': exec: {}", target.text(), describe_answer(*answer)));
    return *answer;
}

template <typename T>
T understood(const host::Target& target, const proto::Parsed<T>& parsed) {
    if (!parsed)
        throw std::runtime_error(
            fmt::format("'{}': exec: {}", target.text(), parsed.error().message()));
    return *parsed;
}

int detached_exec(const host::Target& target, const ExecOptions& options) {
    const host::HttpAnswer answer = post(target, to_request(options));
    const auto document = understood(target, proto::parse_json(answer.body));
    const auto session = understood(target, proto::parse_session_document(document));
    if (session.error) return explain(*session.error);
    (void)print(1, options.as_json ? answer.body + "\n" : session.id + "\n"); // gone: wants none
    return 0;
}

int plain_exec(const host::Target& target, const ExecOptions& options) {
    proto::ExecRequest request = to_request(options);
    if (options.interactive) request.stdin_bytes = whole_input();
    // The answer comes when the command has ended, whenever that is.
    const host::HttpAnswer answer = post(target, std::move(request));
    (void)print(1, answer.body + "\n"); // a reader that has gone wants no more
    const auto result = understood(target, proto::parse_exec_result(answer.body));
    if (result.error) return proto::shell_exit_code(*result.error);
    return result.exit ? proto::shell_exit_code(*result.exit) : own_error;
}

void check_options(const ExecOptions& options) {
    if (options.detach && options.interactive)
        throw std::runtime_error("-d leaves the command alone, and -i feeds it: give one of them");
    if (options.as_json && options.tty)
        throw std::runtime_error("--json captures output, and -t shows it: give one of them");
    if (options.tty && options.interactive && !host::is_terminal(STDIN_FILENO))
        throw std::runtime_error("the input device is not a TTY");
    if (!options.id.empty() && !proto::is_session_id(options.id))
        throw std::runtime_error(fmt::format("--id '{}' is not 1 to 64 letters, digits, '.', '_' "
                                             "or '-', or begins with '.', or is 'main'",
                                             options.id));
    const auto keys = host::parse_detach_keys(options.detach_keys);
    if (!keys) throw std::runtime_error(keys.error().message);
}

int exec(const host::Target& target, const ExecOptions& options) {
    check_options(options);
    if (options.detach) return detached_exec(target, options);
    return options.as_json ? plain_exec(target, options) : stream_exec(target, options);
}

} // namespace

void add_exec(CLI::App& app, const Common& common, Command& chosen) {
    auto* command = app.add_subcommand(
        "exec",
        "Runs a command in the guest. The exit code is the command's, 128 + n when signal n "
        "ended it,\n127 when it does not exist, 126 when it cannot be run, 125 when "
        "rousectl itself failed.\nA connection that breaks is made anew: nothing is lost, and the "
        "command runs once.");
    const auto options = std::make_shared<ExecOptions>();
    add_exec_options(*command, *options);
    command->add_option("command", options->argv, "The command and its arguments, after --")
        ->required();
    command->positionals_at_end();
    command->callback([&common, &chosen, options] {
        options->argv = command_words(options->argv);
        chosen = [&common, options] { return exec(target_of(common), *options); };
    });
}

} // namespace rouse::ctl
