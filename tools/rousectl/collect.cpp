// rousectl collect: the reference host for link and output connections.
#include "tools/host/collector_server.hpp"
#include "tools/rousectl/notices.hpp"
#include "tools/rousectl/session.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>

#include <csignal>
#include <memory>

#include <unistd.h>

namespace rouse::ctl {
namespace {

namespace fs = std::filesystem;

struct CollectOptions {
    std::string output;
    std::string format = "raw";
    std::string restore_document;
    std::vector<std::string> names;
    std::vector<std::string> directories;
    bool any_cid = false;
    bool fsync = false;
    bool once = false;
};

constexpr const char* about =
    "Receives the output and the events of virtual machines, and answers their links.\n\n"
    "Which machines: each -H; with --sockets every hybrid Unix socket of a directory, as they "
    "come\n"
    "and go; with --any-cid whoever dials over AF_VSOCK, told apart by CID.\n\n"
    "Files, below DIR/NAME (NAME is made of the target, or given by --name):\n"
    "  GENERATION/stdout, stderr        raw: the bytes; beside each a .json with offsets and gaps\n"
    "  GENERATION/stdout.jsonl, …       json: time, vm, generation, stream, offset, text or "
    "base64\n"
    "  GENERATION/stdout.export, …      journal: for systemd-journal-remote\n"
    "  events.jsonl                     what happened; at 16 MiB it becomes events.jsonl.1, and "
    "the\n"
    "                                   one before that is gone\n"
    "  collect.lock                     keeps another collector out\n"
    "A byte is acknowledged to the guest once it is written, with --fsync once it is on the disk.\n"
    "What was lost is said in each form. Started again, also after a crash, collect goes on where\n"
    "the files end. A connection is believed only after its link key was verified on the exec "
    "port.\n\n"
    "With --output - records go to standard output, and nothing is kept on disk.\n"
    "Runs until SIGINT or SIGTERM.";

host::Format format_of(const std::string& name) {
    if (name == "json") return host::Format::json;
    return name == "journal" ? host::Format::journal : host::Format::raw;
}

/// What all machines share.
host::CollectorOptions common_options(const CollectOptions& options) {
    host::CollectorOptions shared;
    shared.format = format_of(options.format);
    shared.durable = options.fsync ? host::Durable::yes : host::Durable::no;
    shared.restore_document = options.restore_document;
    shared.output = options.output;
    if (options.output != "-") return shared;
    if (shared.format == host::Format::raw)
        throw std::runtime_error("--output - takes records: give --format json or journal");
    shared.output.clear();
    shared.pipe = std::make_shared<host::SharedPipe>(STDOUT_FILENO);
    return shared;
}

std::vector<host::Target> targets_for(const Common& common, const CollectOptions& options) {
    const bool others = options.any_cid || !options.directories.empty();
    if (others && common.hosts.empty()) return {};
    return targets_of(common);
}

/// One document names one generation, and a generation is one machine's.
void check_document(const CollectOptions& options, std::size_t machines) {
    const bool many = options.any_cid || !options.directories.empty() || machines > 1;
    if (many && !options.restore_document.empty() && !fs::is_directory(options.restore_document))
        throw std::runtime_error("--restore-document takes a directory when there can be more than "
                                 "one machine");
}

void add_machines(host::CollectorServer& server, const std::vector<host::Target>& targets,
                  const CollectOptions& options, const host::CollectorOptions& shared) {
    for (std::size_t i = 0; i < targets.size(); ++i) {
        host::CollectorOptions each = shared;
        each.name = i < options.names.size() ? options.names[i] : targets[i].short_name();
        server.add(targets[i], std::move(each)).value();
    }
    if (options.any_cid) server.add_any_cid(shared).value();
    for (const std::string& directory : options.directories)
        server.add_directory(directory, shared).value();
}

/// The first signal ends in order; the second at once, whatever the disk does.
void end_on_signal(boost::asio::signal_set& signals, host::CollectorServer& server, bool again) {
    signals.async_wait([&signals, &server, again](boost::system::error_code error, int number) {
        if (error) return;
        constexpr int shell_base = 128;
        if (again) ::_exit(shell_base + number);
        server.stop();
        end_on_signal(signals, server, true);
    });
}

host::Awaitable<bool> serve(host::CollectorServer& server) {
    co_await server.run();
    co_return true;
}

int collect(const std::vector<host::Target>& targets, const CollectOptions& options) {
    if (options.names.size() > targets.size())
        throw std::runtime_error("there are more --name than -H");
    if (options.once && targets.empty())
        throw std::runtime_error("--once needs machines that are known: give -H");
    check_document(options, targets.size());
    host::CollectorOptions shared = common_options(options);
    boost::asio::io_context io{1};
    Notices notices(io.get_executor(), STDERR_FILENO);
    host::CollectorServer server(io.get_executor(), {});
    bool broken = false;
    shared.on_broken = [&] {
        broken = true;
        server.stop();
    };
    server.on_notice([&notices](const std::string& line) { notices.say("rousectl: " + line); });
    add_machines(server, targets, options, shared);
    if (options.once) server.stop_when_finished();
    boost::asio::signal_set signals(io, SIGINT, SIGTERM);
    end_on_signal(signals, server, false);
    (void)run_to_end(io, serve(server)); // always true
    return broken ? own_error : 0;
}

} // namespace

void add_collect(CLI::App& app, const Common& common, Command& chosen) {
    auto* command = app.add_subcommand("collect", about);
    const auto options = std::make_shared<CollectOptions>();
    command->add_option("--output", options->output, "Where to write; - is standard output")
        ->type_name("DIR|-")
        ->required();
    command->add_option("--format", options->format, "In which form")
        ->check(CLI::IsMember({"raw", "json", "journal"}))
        ->capture_default_str();
    command->add_flag("--fsync", options->fsync,
                      "Acknowledge only what survives a crash of this machine, too");
    command
        ->add_option("--sockets", options->directories,
                     "Serve every hybrid Unix socket in this directory, may be repeated")
        ->type_name("DIR")
        ->allow_extra_args(false);
    command->add_flag("--any-cid", options->any_cid, "Serve every CID on AF_VSOCK");
    command
        ->add_option("--restore-document", options->restore_document,
                     "JSON with who a restored machine is now; read anew at each hello, may come "
                     "into being later. Clock and fresh entropy are added as it is handed out. "
                     "One generation is given once. A directory holds one for each machine, "
                     "NAME.json; more than one machine needs that")
        ->type_name("FILE|DIR");
    command
        ->add_option("--name", options->names,
                     "Directory of a machine, in the order of -H; else made from the target")
        ->allow_extra_args(false);
    command->add_flag("--once", options->once,
                      "End when the workload of every machine and its output have ended");
    command->callback([&common, &chosen, options] {
        chosen = [&common, options] { return collect(targets_for(common, *options), *options); };
    });
}

} // namespace rouse::ctl
