// rousectl exec: a command in a guest, with its streams, signals and exit code.
#include "proto/exec.hpp"

#include "tools/command_words.hpp"
#include "tools/host/exec_client.hpp"
#include "tools/host/http_client.hpp"
#include "tools/host/input.hpp"
#include "tools/host/output.hpp"
#include "tools/rousectl/session.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>

#include <csignal>
#include <memory>

#include <unistd.h>

namespace rouse::ctl {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using namespace std::chrono_literals;

constexpr auto start_limit = 15s;

struct ExecOptions {
    std::vector<std::string> env;
    std::string cwd;
    std::string user;
    bool interactive = false;
    bool as_json = false;
    std::vector<std::string> argv;
};

proto::ExecRequest to_request(const ExecOptions& options) {
    proto::ExecRequest request;
    request.command.argv = options.argv;
    request.command.cwd = options.cwd;
    request.command.user = options.user;
    for (const std::string& pair : options.env) {
        const std::size_t equals = pair.find('=');
        if (equals == std::string::npos || equals == 0)
            throw std::runtime_error(fmt::format("-e '{}' is not NAME=VALUE", pair));
        request.command.env[pair.substr(0, equals)] = pair.substr(equals + 1);
    }
    return request;
}

int explain(const proto::SpawnFailure& failure) {
    // Some messages name the path already.
    const bool named =
        failure.path.empty() || failure.message.find(failure.path) != std::string::npos;
    complain(named ? fmt::format("cannot run the command: {} ({})", failure.message, failure.stage)
                   : fmt::format("cannot run the command: '{}': {} ({})", failure.path,
                                 failure.message, failure.stage));
    return proto::shell_exit_code(failure);
}

/// Passes signals on to the command. The third of a kind ends the connection instead: the command
/// does not listen, and the guest then ends it.
void forward_signals(asio::signal_set& signals, host::ExecClient& client,
                     std::shared_ptr<std::map<int, int>> seen) {
    signals.async_wait([&signals, &client, seen](boost::system::error_code error, int number) {
        constexpr int patience = 3;
        if (error) return;
        if (++(*seen)[number] >= patience)
            client.abandon();
        else
            client.signal(number);
        forward_signals(signals, client, seen);
    });
}

int stream_exec(const host::Target& target, const ExecOptions& options) {
    asio::io_context io{1};
    host::Dialer dialer(io.get_executor(), target);
    host::Output out(io.get_executor(), STDOUT_FILENO);
    host::Output err(io.get_executor(), STDERR_FILENO);
    host::ExecClient client(dialer, [&](std::uint8_t stream, std::string_view bytes) {
        return (stream == proto::stream_id::err ? err : out).write(bytes);
    });
    host::Input input(io.get_executor(), 0);
    asio::signal_set signals(io, SIGINT, SIGTERM, SIGHUP);
    signals.add(SIGQUIT);
    forward_signals(signals, client, std::make_shared<std::map<int, int>>());
    auto end =
        run_to_end(io, client.run(to_request(options), options.interactive ? &input : nullptr,
                                  host::Clock::now() + start_limit));
    if (!end) {
        complain(end.error().message);
        return own_error;
    }
    return end->failure ? explain(*end->failure) : proto::shell_exit_code(*end->exit);
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

int plain_exec(const host::Target& target, const ExecOptions& options) {
    proto::ExecRequest request = to_request(options);
    if (options.interactive) request.stdin_bytes = whole_input();
    asio::io_context io{1};
    host::Dialer dialer(io.get_executor(), target);
    const host::HttpQuestion question{.method = "POST",
                                      .path = "/v1/exec",
                                      .body = json::serialize(to_json(request)),
                                      .upgrade = {}};
    // The answer comes when the command has ended, whenever that is.
    const auto answer =
        run_to_end(io, host::http_ask(dialer, question, host::Clock::time_point::max()));
    if (!answer || answer->status != 200) {
        complain(answer ? fmt::format("'{}': exec: {}", target.text(), describe_answer(*answer))
                        : answer.error().message);
        return own_error;
    }
    (void)print(1, answer->body + "\n"); // a reader that has gone wants no more
    const auto result = proto::parse_exec_result(answer->body);
    if (!result) {
        complain(fmt::format("'{}': exec: {}", target.text(), result.error().message()));
        return own_error;
    }
    if (result->error) return proto::shell_exit_code(*result->error);
    return result->exit ? proto::shell_exit_code(*result->exit) : own_error;
}

} // namespace

void add_exec(CLI::App& app, const Common& common, Command& chosen) {
    auto* command = app.add_subcommand(
        "exec",
        "Runs a command in the guest. The exit code is the command's, 128 + n when signal n "
        "ended it,\n127 when it does not exist, 126 when it cannot be run, 125 when "
        "rousectl itself failed.");
    const auto options = std::make_shared<ExecOptions>();
    command->add_option("-e,--env", options->env, "Environment, may be repeated")
        ->type_name("NAME=VALUE")
        ->allow_extra_args(false);
    command->add_option("-w,--workdir", options->cwd, "Working directory")->type_name("DIR");
    command->add_option("-u,--user", options->user, "Whose rights")
        ->type_name("NAME|UID[:GROUP|GID]");
    command->add_flag("-i,--interactive", options->interactive, "Send our standard input");
    command->add_flag("--json", options->as_json,
                      "Print exit status and captured output as one JSON document");
    command->add_option("command", options->argv, "The command and its arguments, after --")
        ->required();
    command->positionals_at_end();
    command->callback([&common, &chosen, options] {
        options->argv = command_words(options->argv);
        chosen = [&common, options] {
            const host::Target target = target_of(common);
            return options->as_json ? plain_exec(target, *options) : stream_exec(target, *options);
        };
    });
}

} // namespace rouse::ctl
