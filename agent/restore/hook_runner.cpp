#include "agent/restore/hook_runner.hpp"

#include "agent/io/race.hpp"
#include "agent/sys/descriptor.hpp"
#include "agent/sys/pipe.hpp"
#include "proto/exit_status.hpp"

#include <boost/asio/buffer.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

namespace rouse::restore {

using io::Awaitable;
using std::chrono::milliseconds;

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kept_words = 512;     ///< of what a hook says
constexpr milliseconds death_patience{500}; ///< for the end of a hook that was killed

std::string_view hook_name(Hook hook) {
    constexpr std::array<std::string_view, 3> names = {"prepare", "resume", "restored"};
    return names.at(static_cast<std::size_t>(hook));
}

void keep_tail(std::string& said, std::string_view more) {
    said.append(more);
    if (said.size() > kept_words) said.erase(0, said.size() - kept_words);
}

/// The last line of it, for a report: printable ASCII.
std::string last_line(std::string said) {
    while (!said.empty() && said.back() == '\n')
        said.pop_back();
    const std::size_t begin = said.rfind('\n');
    if (begin != std::string::npos) said.erase(0, begin + 1);
    std::replace_if(
        said.begin(), said.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return said;
}

/// Reads until cancelled, so that a hook that says a lot is not held up. `pipe` and `said` are the
/// caller's.
Awaitable<> listen(io::Descriptor& pipe, std::string& said) {
    std::array<char, 4096> chunk{};
    bool open = true;
    while (open) {
        auto read = co_await pipe.async_read_some(io::asio::buffer(chunk), io::no_throw);
        const auto& [error, count] = read;
        open = !error;
        keep_tail(said, {chunk.data(), count});
    }
    co_await io::forever(); // It may have closed what it does not need.
}

Awaitable<> wait_for_exit(supervise::Child& child, std::optional<proto::ExitStatus>& exit) {
    auto waiting = child.wait();
    exit = co_await std::move(waiting);
}

} // namespace

/// A hook that runs. Whoever gives it up kills it.
struct HookRunner::Running {
    explicit Running(const io::Executor& executor) : output(executor) {}
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    Running(Running&&) = delete;
    Running& operator=(Running&&) = delete;
    ~Running() {
        if (child && !exit) child->kill();
    }

    std::optional<supervise::Child> child;
    io::Descriptor output;
    std::string said;
    std::optional<proto::ExitStatus> exit;
    std::string failure; ///< why it does not run

    [[nodiscard]] std::string describe(const std::string& program, milliseconds budget) const {
        std::string text = failure;
        if (text.empty() && exit)
            text = fmt::format("'{}': {}", program, proto::describe(*exit));
        else if (text.empty())
            text = fmt::format("'{}' was killed after {} ms", program, budget.count());
        const std::string line = last_line(said);
        return line.empty() ? text : fmt::format("{}: {}", text, line);
    }
    [[nodiscard]] bool ok() const { return exit && proto::shell_exit_code(*exit) == 0; }
};

HookRunner::HookRunner(supervise::Spawner& spawner, io::Executor executor,
                       proto::HooksConfig config)
    : spawner_(spawner), executor_(std::move(executor)), config_(std::move(config)) {}

const std::vector<std::string>& HookRunner::argv(Hook hook) const {
    if (hook == Hook::prepare) return config_.prepare;
    return hook == Hook::resume ? config_.resume : config_.restored;
}

proto::Command HookRunner::command(Hook hook, const HookContext& context) const {
    proto::Command command;
    command.argv = argv(hook);
    command.env = {{"ROUSE_HOOK", std::string(hook_name(hook))},
                   {"ROUSE_KIND", context.kind},
                   {"ROUSE_GENERATION", context.generation},
                   {"ROUSE_PARENT_GENERATION", context.parent_generation.value_or("")}};
    return command;
}

Awaitable<proto::RestoreStep> HookRunner::run(Hook hook, HookContext context, milliseconds budget) {
    proto::RestoreStep step;
    step.name = fmt::format("hook {}", hook_name(hook));
    if (!has(hook)) {
        step.outcome = "skipped";
        step.detail = "none is configured";
        co_return step;
    }
    const Clock::time_point began = Clock::now();
    budget = std::min(budget, config_.timeout);
    Running running(executor_);
    Awaitable<bool> timed = io::with_deadline(run_to_end(command(hook, context), running), budget);
    const bool in_time = co_await std::move(timed);
    if (!in_time && running.child) {
        running.child->kill();
        // One that waits for a disk does not even die; then it is left behind.
        std::optional<proto::ExitStatus> killed;
        Awaitable<bool> dying =
            io::with_deadline(wait_for_exit(*running.child, killed), death_patience);
        (void)co_await std::move(dying);
    }
    step.outcome = in_time && running.ok() ? "ok" : "failed";
    if (step.outcome == "failed") step.detail = running.describe(argv(hook).front(), budget);
    step.duration_us = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began).count());
    co_return step;
}

Awaitable<> HookRunner::run_to_end(proto::Command command, Running& running) {
    sys::Result<sys::Pipe> pipe = sys::make_pipe(sys::PipeMode::nonblocking_read);
    if (!pipe) {
        running.failure = fmt::format("no pipe: {}", pipe.error().message());
        co_return;
    }
    io::error_code error;
    running.output.assign(pipe->read.get(), error);
    if (!error) (void)pipe->read.release(); // The descriptor owns it now.
    const supervise::Stdio stdio{.in = -1, .out = pipe->write.get(), .err = pipe->write.get()};
    const std::string name = "hook-" + command.env.at("ROUSE_HOOK");
    Awaitable<supervise::StartResult> starting =
        spawner_.start(std::move(command), stdio, name, supervise::Tree::hooks);
    supervise::StartResult started = co_await std::move(starting);
    pipe->write.reset();
    if (auto* const failure = std::get_if<proto::SpawnFailure>(&started)) {
        running.failure = fmt::format("cannot start '{}': {} failed: {}", failure->path,
                                      failure->stage, failure->message);
        co_return;
    }
    running.child = std::move(std::get<supervise::Child>(started));
    Awaitable<io::Winner> racing =
        io::race(listen(running.output, running.said), wait_for_exit(*running.child, running.exit));
    (void)co_await std::move(racing); // The exit wins, or the deadline.
    std::array<char, kept_words> last{};
    const sys::Result<sys::Moved> moved = sys::read_some(running.output.native_handle(), last);
    if (moved) keep_tail(running.said, {last.data(), moved->bytes});
}

} // namespace rouse::restore
