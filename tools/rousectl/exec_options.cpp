#include "tools/rousectl/exec_options.hpp"

#include "proto/fields.hpp"
#include "tools/host/files.hpp"
#include "tools/host/quantities.hpp"
#include "tools/host/raw_terminal.hpp"

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <fmt/format.h>

#include <cstdlib>
#include <stdexcept>

#include <unistd.h>

namespace rouse::ctl {
namespace {

namespace json = boost::json;

template <typename T>
T understood(std::string_view option, const host::Outcome<T>& value) {
    if (!value) throw std::runtime_error(fmt::format("{}: {}", option, value.error().message));
    return *value;
}

/// NAME=VALUE, or NAME for the value that we have ourselves; without one it is left out.
void add_variable(std::map<std::string, std::string>& env, std::string_view option,
                  const std::string& pair) {
    const std::size_t equals = pair.find('=');
    const std::string name = pair.substr(0, equals);
    if (name.empty() || name.find(' ') != std::string::npos)
        throw std::runtime_error(fmt::format("{} '{}' is not NAME[=VALUE]", option, pair));
    const char* own = equals == std::string::npos ? std::getenv(name.c_str()) : nullptr;
    if (equals != std::string::npos)
        env[name] = pair.substr(equals + 1);
    else if (own != nullptr)
        env[name] = own;
}

/// Lines of NAME[=VALUE]; empty ones and those that begin with # are skipped.
void add_file(std::map<std::string, std::string>& env, const std::string& path) {
    const std::string content = understood("--env-file", host::read_file(path));
    for (std::size_t begin = 0; begin < content.size();) {
        const std::size_t end = std::min(content.find('\n', begin), content.size());
        std::string line = content.substr(begin, end - begin);
        begin = end + 1;
        if (line.ends_with('\r')) line.pop_back();
        line.erase(0, line.find_first_not_of(" \t"));
        if (!line.empty() && line.front() != '#') add_variable(env, path, line);
    }
}

std::map<std::string, std::string> environment(const ExecOptions& options) {
    std::map<std::string, std::string> env;
    // As docker has it; what the user says wins.
    if (options.tty) add_variable(env, "-t", "TERM");
    for (const std::string& path : options.env_files)
        add_file(env, path);
    for (const std::string& pair : options.env)
        add_variable(env, "-e", pair);
    return env;
}

proto::SessionOptions session(const ExecOptions& options) {
    proto::SessionOptions session;
    session.id = options.id;
    session.detach = options.detach;
    if (options.on_disconnect == "keep") session.on_disconnect = proto::OnDisconnect::keep;
    if (options.tty) {
        session.tty.emplace();
        for (const int fd : {STDOUT_FILENO, STDIN_FILENO, STDERR_FILENO})
            if (const auto size = host::terminal_size(fd)) {
                session.tty = size;
                break;
            }
    }
    if (!options.timeout.empty())
        session.timeout = understood("--timeout", host::parse_duration(options.timeout));
    if (!options.kill_grace.empty())
        session.kill_grace = understood("--kill-grace", host::parse_duration(options.kill_grace));
    if (!options.reattach_grace.empty())
        session.reattach_grace =
            understood("--reattach-grace", host::parse_duration(options.reattach_grace));
    return session;
}

json::value limit_value(const std::string& text) {
    if (text == "unlimited" || text == "-1") return "unlimited";
    return understood("--ulimit", host::parse_size(text));
}

/// "nofile=64" or "nofile=64:128", soft and hard.
void add_ulimit(json::object& limits, const std::string& text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
        throw std::runtime_error(fmt::format("--ulimit '{}' is not NAME=SOFT[:HARD]", text));
    const std::string value = text.substr(equals + 1);
    const std::size_t colon = value.find(':');
    const json::value soft = limit_value(value.substr(0, colon));
    limits[text.substr(0, equals)] = json::object{
        {"soft", soft},
        {"hard", colon == std::string::npos ? soft : limit_value(value.substr(colon + 1))}};
}

json::array to_array(const std::vector<std::string>& words) {
    json::array array;
    for (const std::string& word : words)
        array.emplace_back(word);
    return array;
}

/// As the guest reads them, so that both judge them by the same code.
json::object attributes_document(const ExecOptions& options) {
    json::object document;
    if (!options.groups.empty()) document["groups"] = to_array(options.groups);
    json::object limits;
    for (const std::string& text : options.ulimits)
        add_ulimit(limits, text);
    if (!limits.empty()) document["rlimits"] = std::move(limits);
    json::object cgroup;
    if (!options.memory.empty())
        cgroup["memory_max"] = understood("--memory", host::parse_size(options.memory));
    if (options.pids) cgroup["pids_max"] = *options.pids;
    if (!options.cpus.empty())
        cgroup["cpu_max_us"] = understood("--cpus", host::parse_cpus(options.cpus));
    if (!cgroup.empty()) document["cgroup"] = std::move(cgroup);
    json::object capabilities;
    if (!options.cap_drop.empty()) capabilities["drop"] = to_array(options.cap_drop);
    if (!options.cap_add.empty()) capabilities["add"] = to_array(options.cap_add);
    if (!capabilities.empty()) document["capabilities"] = std::move(capabilities);
    if (options.no_new_privs) document["no_new_privs"] = true;
    if (!options.umask.empty()) document["umask"] = options.umask;
    if (options.oom_score_adj != 0) document["oom_score_adj"] = options.oom_score_adj;
    return document;
}

proto::ProcessAttributes attributes(const ExecOptions& options) {
    proto::ProcessAttributes attributes;
    const json::value document = attributes_document(options);
    proto::Problems problems;
    proto::Fields fields(document, "$", problems);
    proto::read_process_attributes(fields, attributes);
    fields.finish();
    if (!problems.errors.empty()) throw std::runtime_error(problems.errors.front().message());
    return attributes;
}

void add_session_options(CLI::App& command, ExecOptions& options) {
    command.add_flag("-d,--detach", options.detach, "Print the session's id and leave it running");
    command.add_option("--id", options.id, "Name of the session; a random one without")
        ->type_name("NAME");
    command
        .add_option("--timeout", options.timeout,
                    "After this the command gets SIGTERM, and SIGKILL after --kill-grace")
        ->type_name("TIME");
    command.add_option("--kill-grace", options.kill_grace, "Between the two")->type_name("TIME");
    command
        .add_option("--on-disconnect", options.on_disconnect,
                    "What becomes of the command when nobody came back within --reattach-grace")
        ->check(CLI::IsMember({"kill", "keep"}))
        ->capture_default_str();
    command
        .add_option("--reattach-grace", options.reattach_grace,
                    "How long the connection may be away: 30s")
        ->type_name("TIME");
    command
        .add_option("--detach-keys", options.detach_keys, "Typed in a row they leave the session")
        ->type_name("KEYS")
        ->capture_default_str();
}

void add_attribute_options(CLI::App& command, ExecOptions& options) {
    const auto one_each = [](CLI::Option* option, const char* type) {
        option->type_name(type)->allow_extra_args(false)->group("Process");
    };
    one_each(command.add_option("--group", options.groups, "Supplementary group, may be repeated"),
             "NAME|GID");
    one_each(command.add_option("--ulimit", options.ulimits, "Such as nofile=64:128"),
             "NAME=SOFT[:HARD]");
    one_each(command.add_option("--cap-drop", options.cap_drop, "Capability to take away"), "NAME");
    one_each(command.add_option("--cap-add", options.cap_add, "Capability to give back"), "NAME");
    one_each(command.add_option("--memory", options.memory, "Limit, such as 512m"), "SIZE");
    one_each(command.add_option("--pids", options.pids, "Limit of processes"), "NUMBER");
    one_each(command.add_option("--cpus", options.cpus, "Limit, such as 1.5"), "NUMBER");
    one_each(command.add_option("--umask", options.umask, "Octal, such as 022"), "MODE");
    one_each(command.add_option("--oom-score-adj", options.oom_score_adj, "-1000 to 1000"),
             "NUMBER");
    command.add_flag("--no-new-privs", options.no_new_privs, "No rights by setuid files")
        ->group("Process");
}

} // namespace

void add_exec_options(CLI::App& command, ExecOptions& options) {
    command.add_option("-e,--env", options.env, "Environment, may be repeated; NAME takes ours")
        ->type_name("NAME[=VALUE]")
        ->allow_extra_args(false);
    command.add_option("--env-file", options.env_files, "Environment, a line each")
        ->type_name("FILE")
        ->allow_extra_args(false);
    command.add_option("-w,--workdir", options.cwd, "Working directory")->type_name("DIR");
    command.add_option("-u,--user", options.user, "Whose rights")
        ->type_name("NAME|UID[:GROUP|GID]");
    command.add_flag("-i,--interactive", options.interactive, "Send our standard input");
    command.add_flag("-t,--tty", options.tty, "Run it in a terminal");
    command.add_flag("--json", options.as_json,
                     "Print exit status and captured output as one JSON document");
    add_session_options(command, options);
    add_attribute_options(command, options);
}

proto::ExecRequest to_request(const ExecOptions& options) {
    proto::ExecRequest request;
    request.command.argv = options.argv;
    request.command.cwd = options.cwd;
    request.command.user = options.user;
    request.command.env = environment(options);
    request.command.attributes = attributes(options);
    request.session = session(options);
    return request;
}

} // namespace rouse::ctl
