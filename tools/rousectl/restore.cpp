// rousectl restore: tells a guest who it is after it was restored from a snapshot.
#include "proto/restore.hpp"

#include "proto/text.hpp"
#include "tools/host/http_client.hpp"
#include "tools/host/probe.hpp"
#include "tools/rousectl/session.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>

#include <sys/random.h>

namespace rouse::ctl {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr auto chain_limit = 30s;
constexpr int most_tries = 3;

struct RestoreOptions {
    std::string generation = "new";
    std::string entropy = "auto";
    std::string now = "auto";
    bool as_json = false;
};

std::string random_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    if (::getrandom(bytes.data(), count, 0) != static_cast<ssize_t>(count))
        throw std::runtime_error("the kernel gives no random bytes");
    return bytes;
}

std::uint64_t wall_clock() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

proto::RestoreDocument to_document(const RestoreOptions& options) {
    proto::RestoreDocument document;
    if (options.generation == "new")
        document.generation = proto::make_uuid(random_bytes(16));
    else if (proto::is_uuid(options.generation))
        document.generation = options.generation;
    else if (options.generation != "same")
        throw std::runtime_error("--generation takes a UUID, 'new' or 'same'");
    if (options.entropy == "auto") document.entropy = random_bytes(32);
    if (options.now == "auto") document.now_ns = wall_clock();
    return document;
}

std::string milliseconds_text(std::uint64_t microseconds) {
    return fmt::format("{}.{:03} ms", microseconds / 1000, microseconds % 1000);
}

std::string table(const proto::RestoreReport& report) {
    std::string text =
        fmt::format("{} {} (trigger {}, exec {}) in {}\ngeneration {}, epoch {}\n", report.kind,
                    report.state, report.trigger, report.exec, milliseconds_text(report.total_us),
                    report.generation, report.epoch);
    if (report.parent_generation) text += fmt::format("parent     {}\n", *report.parent_generation);
    for (const proto::RestoreStep& step : report.steps)
        text += fmt::format("  {:<12} {:<9} {:>14}  {}\n", step.name, step.outcome,
                            milliseconds_text(step.duration_us), step.detail);
    return text;
}

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
    (void)print(1, options.as_json ? answer->body + "\n" : table(*report)); // nobody else to tell
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
    command
        ->add_option("--generation", options->generation,
                     "UUID of the new incarnation; new: make one; same: keep the old")
        ->type_name("UUID|new|same")
        ->capture_default_str();
    command->add_option("--entropy", options->entropy, "Seed for the guest's random generator")
        ->check(CLI::IsMember({"auto", "none"}))
        ->capture_default_str();
    command->add_option("--now", options->now, "Set the guest's wall clock to ours")
        ->check(CLI::IsMember({"auto", "none"}))
        ->capture_default_str();
    command->add_flag("--json", options->as_json, "The report as the guest sent it");
    command->callback([&common, &chosen, options] {
        chosen = [&common, options] { return restore(target_of(common), *options); };
    });
}

} // namespace rouse::ctl
