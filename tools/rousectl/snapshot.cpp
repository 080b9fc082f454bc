// rousectl snapshot: makes a guest ready for a snapshot, and lets it go on.
#include "proto/snapshot.hpp"

#include "tools/host/http_client.hpp"
#include "tools/host/quantities.hpp"
#include "tools/rousectl/session.hpp"

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace rouse::ctl {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

/// Beyond what the guest may take: the way there, and a chain that it waits for.
constexpr std::chrono::seconds on_top{10};
/// A resume runs a hook, which may take its time.
constexpr std::chrono::seconds resume_limit{60};

struct SnapshotOptions {
    bool no_freeze = false;
    bool no_sync = false;
    std::vector<std::string> filesystems;
    std::string flush = "2s";
    std::string lease = "60s";
    std::string deadline = "10s";
    std::string named_lease;
    bool as_json = false;
};

std::chrono::milliseconds duration(const char* option, const std::string& text) {
    const auto read = host::parse_duration(text);
    if (!read) throw std::runtime_error(fmt::format("{}: {}", option, read.error().message));
    return *read;
}

proto::PrepareRequest to_request(const SnapshotOptions& options) {
    proto::PrepareRequest request;
    request.freeze = !options.no_freeze;
    request.sync = !options.no_sync;
    request.freeze_filesystems = options.filesystems;
    request.flush = duration("--flush", options.flush);
    request.lease = duration("--lease", options.lease);
    request.deadline = duration("--deadline", options.deadline);
    return request;
}

std::string steps_table(const std::vector<proto::RestoreStep>& steps) {
    std::string text;
    for (const proto::RestoreStep& step : steps)
        text += fmt::format("  {:<16} {:<9} {:>10}.{:03} ms  {}\n", step.name, step.outcome,
                            step.duration_us / 1000, step.duration_us % 1000, step.detail);
    return text;
}

std::string table(const proto::Prepared& prepared) {
    std::string text = fmt::format("{} in {}.{:03} ms\n", prepared.state, prepared.total_us / 1000,
                                   prepared.total_us % 1000);
    if (!prepared.lease.empty())
        text += fmt::format("lease      {}  for {} ms\n", prepared.lease, prepared.lease_ms);
    text += fmt::format("payload    {}\nunflushed  {} bytes\n", prepared.frozen ? "frozen" : "runs",
                        prepared.unflushed_bytes);
    for (const proto::OpenConnection& open : prepared.open)
        text += fmt::format("open       {} {}  {}  epoch {}\n", open.id, open.role, open.peer,
                            open.epoch);
    return text + steps_table(prepared.steps);
}

host::HttpAnswer post(const host::Target& target, const std::string& verb, json::object body,
                      std::chrono::milliseconds limit) {
    boost::asio::io_context io{1};
    host::Dialer dialer(io.get_executor(), target);
    const host::HttpQuestion question{.method = "POST",
                                      .path = "/v1/snapshot/" + verb,
                                      .body = json::serialize(body),
                                      .upgrade = {}};
    auto answer = run_to_end(io, host::http_ask(dialer, question, host::Clock::now() + limit));
    if (!answer) throw std::runtime_error(answer.error().message);
    return std::move(*answer);
}

[[noreturn]] void refuse(const host::Target& target, const host::HttpAnswer& answer) {
    throw std::runtime_error(
        fmt::format("'{}': snapshot: {}", target.text(), describe_answer(answer)));
}

int prepare(const host::Target& target, const SnapshotOptions& options) {
    const proto::PrepareRequest request = to_request(options);
    const host::HttpAnswer answer =
        post(target, "prepare", to_json(request), request.deadline + on_top);
    const auto prepared = proto::parse_prepared(answer.body);
    if (!prepared) refuse(target, answer);
    (void)print(1, options.as_json ? answer.body + "\n" : table(*prepared)); // nobody else to tell
    return prepared->state == "prepared" ? 0 : 1;
}

int resume(const host::Target& target, const SnapshotOptions& options) {
    const proto::ResumeRequest request{.lease = options.named_lease};
    const host::HttpAnswer answer = post(target, "resume", to_json(request), resume_limit);
    const auto resumed = proto::parse_resumed(answer.body);
    if (!resumed) refuse(target, answer);
    const std::string text = resumed->state + "\n" + steps_table(resumed->steps);
    (void)print(1, options.as_json ? answer.body + "\n" : text); // nobody else to tell
    const bool whole = std::none_of(resumed->steps.begin(), resumed->steps.end(),
                                    [](const auto& step) { return step.outcome == "failed"; });
    return resumed->state == "resumed" && whole ? 0 : 1;
}

void add_prepare(CLI::App& snapshot, const Common& common, Command& chosen) {
    auto* command = snapshot.add_subcommand(
        "prepare",
        "Makes the guest ready for a snapshot: no new processes, hook, workload and sessions "
        "frozen, output flushed, idle connections closed, disks synced.\nUndone by resume, by a "
        "restore, or by itself when the lease runs out. Exit code 1 when a step failed; then "
        "everything runs again.");
    const auto options = std::make_shared<SnapshotOptions>();
    command->add_flag("--no-freeze", options->no_freeze, "Let workload and sessions run on");
    command->add_flag("--no-sync", options->no_sync, "Do not wait for the disks");
    command
        ->add_option("--fsfreeze", options->filesystems,
                     "Freeze the file system mounted there; may be repeated, in this order")
        ->type_name("MOUNT")
        ->allow_extra_args(false);
    command->add_option("--flush", options->flush, "Wait for the collector to have the output")
        ->type_name("TIME")
        ->capture_default_str();
    command->add_option("--lease", options->lease, "Go on after this long without a word")
        ->type_name("TIME")
        ->capture_default_str();
    command->add_option("--deadline", options->deadline, "For all of it")
        ->type_name("TIME")
        ->capture_default_str();
    command->add_flag("--json", options->as_json, "The answer as the guest sent it");
    command->callback([&common, &chosen, options] {
        chosen = [&common, options] { return prepare(target_of(common), *options); };
    });
}

void add_resume(CLI::App& snapshot, const Common& common, Command& chosen) {
    auto* command = snapshot.add_subcommand(
        "resume", "Lets a prepared guest go on, after its snapshot or without one.\nExit code 1 "
                  "when nothing was prepared, the lease had run out, or a step failed.");
    const auto options = std::make_shared<SnapshotOptions>();
    command->add_option("lease", options->named_lease, "Only if it is this preparation")
        ->type_name("LEASE");
    command->add_flag("--json", options->as_json, "The answer as the guest sent it");
    command->callback([&common, &chosen, options] {
        chosen = [&common, options] { return resume(target_of(common), *options); };
    });
}

} // namespace

void add_snapshot(CLI::App& app, const Common& common, Command& chosen) {
    auto* command =
        app.add_subcommand("snapshot", "What a guest does around a snapshot of its machine.");
    command->require_subcommand(1);
    add_prepare(*command, common, chosen);
    add_resume(*command, common, chosen);
}

} // namespace rouse::ctl
