// rousectl logs: output of a workload, as a person reads it.
#include "tools/host/output.hpp"
#include "tools/host/output_client.hpp"
#include "tools/rousectl/session.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cstdlib>
#include <memory>

#include <unistd.h>

namespace rouse::ctl {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto look_again = 100ms;

struct LogsOptions {
    bool follow = false;
    std::string from;
    std::string stream = "both";
    std::string color = "auto";
};

bool wants_color(const std::string& choice) {
    if (choice != "auto") return choice == "always";
    const char* refused = std::getenv("NO_COLOR"); // no-color.org
    return ::isatty(STDERR_FILENO) == 1 && (refused == nullptr || *refused == '\0');
}

/// The workload's streams on ours: standard error on standard error.
class Printer {
public:
    Printer(const host::Executor& executor, const LogsOptions& options)
        : out_(executor, STDOUT_FILENO), err_(executor, STDERR_FILENO), stream_(options.stream),
          color_(wants_color(options.color)) {}

    /// False when the reader has gone.
    host::Awaitable<bool> show(host::LogPiece piece) {
        const bool wanted = stream_ == "both" || (stream_ == "stderr") == piece.is_err;
        if (!wanted) co_return true;
        if (piece.lost != 0) {
            const std::string line = fmt::format("rousectl: {} bytes of {} are lost here\n",
                                                 piece.lost, piece.is_err ? "stderr" : "stdout");
            if (!co_await err_.write(line)) co_return false;
        }
        if (piece.bytes.empty()) co_return true;
        std::string bytes = std::move(piece.bytes);
        if (piece.is_err && color_) bytes = fmt::format("\x1b[31m{}\x1b[0m", bytes);
        host::Output& output = piece.is_err ? err_ : out_;
        co_return co_await output.write(bytes);
    }

private:
    host::Output out_;
    host::Output err_;
    std::string stream_;
    bool color_;
};

/// Shows what the reader has for the moment; false when whom we show it to has gone.
host::Awaitable<bool> show_all(host::LogReader& reader, Printer& printer) {
    for (;;) {
        std::vector<host::LogPiece> pieces = reader.next();
        if (pieces.empty()) co_return true;
        for (host::LogPiece& piece : pieces)
            if (!co_await printer.show(std::move(piece))) co_return false;
    }
}

/// False when there is nothing to be shown.
host::Awaitable<bool> show_directory(host::Executor executor, const LogsOptions& options) {
    Printer printer(executor, options);
    host::Timer timer(executor);
    fs::path directory;
    std::unique_ptr<host::LogReader> reader;
    for (;;) {
        const fs::path newest = host::newest_generation(options.from);
        if (newest != directory && reader && !co_await show_all(*reader, printer)) co_return true;
        if (newest != directory) reader = host::open_log(newest);
        directory = newest;
        if (!reader && !options.follow) co_return false;
        if (reader && !co_await show_all(*reader, printer)) co_return true;
        if (!options.follow) co_return true;
        timer.expires_after(look_again);
        (void)co_await timer.async_wait(host::no_throw); // nobody cancels it
    }
}

int from_directory(const LogsOptions& options) {
    if (!fs::is_directory(options.from))
        throw std::runtime_error(fmt::format("'{}' is not a directory", options.from));
    boost::asio::io_context io{1};
    if (run_to_end(io, show_directory(io.get_executor(), options))) return 0;
    const fs::path found = host::newest_generation(options.from);
    if (!found.empty())
        throw std::runtime_error(
            fmt::format("'{}' is journal export: systemd-journal-remote reads it", found.string()));
    throw std::runtime_error(fmt::format("'{}' holds no output of a collector", options.from));
}

int from_guest(const host::Target& target, const LogsOptions& options) {
    boost::asio::io_context io{1};
    host::Dialer dialer(io.get_executor(), target);
    Printer printer(io.get_executor(), options);
    host::OutputClient client(
        dialer, {.stream = options.stream, .follow = options.follow},
        [&printer](host::LogPiece piece) { return printer.show(std::move(piece)); });
    const auto done = run_to_end(io, client.run());
    if (done) return 0;
    complain(done.error().message);
    return own_error;
}

} // namespace

void add_logs(CLI::App& app, const Common& common, Command& chosen) {
    auto* command = app.add_subcommand(
        "logs",
        "Prints the workload's output: with --from what a collector has written of the newest\n"
        "generation, both streams in the order in which they came; otherwise what the guest still\n"
        "holds, which nobody else loses by it. Its standard error goes to ours, red on a terminal "
        "(see\nalso NO_COLOR). Where bytes were lost, a line says how many.");
    const auto options = std::make_shared<LogsOptions>();
    command->add_flag("-f,--follow", options->follow, "Go on as more is written");
    command
        ->add_option("--from", options->from,
                     "Directory of a collector, a machine in it or a generation")
        ->type_name("DIR");
    command->add_option("--stream", options->stream, "Which one")
        ->check(CLI::IsMember({"stdout", "stderr", "both"}))
        ->capture_default_str();
    command->add_option("--color", options->color, "Standard error in red")
        ->check(CLI::IsMember({"auto", "always", "never"}))
        ->capture_default_str();
    command->callback([&common, &chosen, options] {
        chosen = [&common, options] {
            return options->from.empty() ? from_guest(target_of(common), *options)
                                         : from_directory(*options);
        };
    });
}

} // namespace rouse::ctl
