#include "agent/output/output_service.hpp"

#include "agent/io/race.hpp"
#include "agent/sys/descriptor.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <utility>

#include <unistd.h>

namespace rouse::output {

using io::Awaitable;

namespace {

/// Four times what a pipe has when nobody asks for more (pipe(7), Pipe capacity): a workload that
/// writes a lot and its relay take turns a quarter as often.
constexpr std::size_t workload_pipe = 256 * 1024;
/// Looks of the watchdog at relays of which nothing could move before it stops looking.
constexpr int looks_at_rest = 8;

} // namespace

OutputService::OutputService(io::Executor executor, io::TaskGroup& tasks,
                             io::ConnectionRegistry& registry, io::MemoryBudget& memory,
                             OutputOptions options, OutputCallbacks callbacks)
    : executor_(std::move(executor)), tasks_(tasks), registry_(registry), memory_(memory),
      options_(std::move(options)), callbacks_(std::move(callbacks)),
      retained_(executor_, [this] { return retained_streams(); }), finished_(executor_),
      activity_(executor_) {}

sys::Result<WorkloadPipes> OutputService::open(uid_t user, gid_t group) {
    if (!relays_.empty()) return sys::error_from(EALREADY);
    sys::Result<WorkloadPipes> ends = open_streams(user, group);
    if (!ends) {
        relays_.clear();
        return ends;
    }
    for (const std::unique_ptr<Relay>& relay : relays_) {
        relay->on_finished([this] { finished_.notify(); });
        relay->on_activity([this] {
            touch();
            retained_.changed().notify_all();
        });
        if (identity_) relay->connect(*identity_);
        tasks_.keep("fill " + relay->name(), [&relay = *relay] { return relay.fill(); });
        tasks_.keep("output " + relay->name(),
                    [&relay = *relay] { return relay.keep_connected(); });
        if (options_.console)
            tasks_.keep("console " + relay->name(),
                        [&relay = *relay] { return relay.show_on_console(); });
    }
    tasks_.keep("relay watchdog", [this] { return watch(); });
    return ends;
}

sys::Result<WorkloadPipes> OutputService::open_streams(uid_t user, gid_t group) {
    sys::Result<sys::UniqueFd> out =
        open_stream({proto::stream_id::out, "stdout", options_.stdout_policy}, user, group);
    if (!out) return out.error();
    sys::Result<sys::UniqueFd> err =
        open_stream({proto::stream_id::err, "stderr", options_.stderr_policy}, user, group);
    if (!err) return err.error();
    return WorkloadPipes{std::move(*out), std::move(*err)};
}

sys::Result<sys::UniqueFd> OutputService::open_stream(Relay::Stream stream, uid_t user,
                                                      gid_t group) {
    sys::Result<sys::Pipe> pipe = sys::make_pipe(sys::PipeMode::nonblocking_read);
    if (!pipe) return pipe.error();
    const sys::Result<> owned = sys::set_owner(pipe->write.get(), user, group);
    if (!owned) return owned.error();
    (void)sys::set_pipe_capacity(pipe->write.get(), workload_pipe); // else it is a smaller one
    std::optional<io::MemoryBudget::Share> memory;
    sys::Result<TwoPipes> pipes = make_pipes(memory);
    if (!pipes) return pipes.error();
    relays_.push_back(std::make_unique<Relay>(executor_, registry_, options_, callbacks_,
                                              std::move(stream), std::move(*pipes),
                                              std::move(pipe->read), std::move(*memory)));
    return std::move(pipe->write);
}

/// As large as retention asks for, or as the budget allows.
sys::Result<TwoPipes> OutputService::make_pipes(std::optional<io::MemoryBudget::Share>& memory) {
    std::size_t capacity = std::bit_ceil(options_.book.retention); // as the kernel rounds it
    while (!memory) {
        if (capacity < TwoPipes::smallest) return sys::error_from(ENOBUFS);
        memory = memory_.take(2 * capacity + workload_pipe);
        if (!memory) capacity /= 2;
    }
    sys::Result<TwoPipes> pipes = TwoPipes::make(capacity);
    if (pipes) memory->shrink_to(2 * pipes->capacity() + workload_pipe);
    return pipes;
}

void OutputService::connect(OutputIdentity identity) {
    identity_ = std::move(identity);
    for (const std::unique_ptr<Relay>& relay : relays_)
        relay->connect(*identity_);
}

void OutputService::disconnect() {
    identity_.reset();
    for (const std::unique_ptr<Relay>& relay : relays_)
        relay->disconnect();
}

WorkloadPipes OutputService::write_ends(sys::WriteMode mode) const {
    WorkloadPipes ends;
    for (const std::unique_ptr<Relay>& relay : relays_) {
        sys::Result<sys::UniqueFd> end = relay->write_end(mode);
        if (end) (relay->name() == "stdout" ? ends.out : ends.err) = std::move(*end);
    }
    return ends;
}

void OutputService::workload_exited() {
    for (const std::unique_ptr<Relay>& relay : relays_)
        relay->workload_exited();
    tasks_.spawn("output drain deadline", drain());
}

void OutputService::nudge() {
    for (const std::unique_ptr<Relay>& relay : relays_)
        relay->nudge();
    touch();
}

std::vector<RetainedStream> OutputService::retained_streams() const {
    std::vector<RetainedStream> all;
    all.reserve(relays_.size());
    for (const std::unique_ptr<Relay>& relay : relays_)
        all.push_back(relay->retained());
    return all;
}

/// Somebody is active: whoever sleeps beside it by mistake is to be found.
void OutputService::touch() {
    if (!watching_) activity_.notify();
}

/// Looks at the relays while anything could move and for a while afterwards: an idle guest is left
/// asleep, and a wake-up that is lost in it is found with the next thing that happens.
Awaitable<> OutputService::watch() {
    const auto pace = std::max(options_.watch_patience / 2, std::chrono::milliseconds(1));
    for (;;) {
        watching_ = true;
        for (int at_rest = 0; at_rest < looks_at_rest; ++at_rest) {
            Awaitable<> pausing = io::expire(pace);
            co_await std::move(pausing);
            for (const std::unique_ptr<Relay>& relay : relays_)
                if (relay->watch(RelayBook::Clock::now())) at_rest = 0;
        }
        watching_ = false;
        Awaitable<> waiting = activity_.wait();
        co_await std::move(waiting);
    }
}

Awaitable<> OutputService::drain() {
    Awaitable<> waiting = io::expire(options_.drain_deadline);
    co_await std::move(waiting);
    for (const std::unique_ptr<Relay>& relay : relays_)
        relay->drain_deadline_passed();
}

Awaitable<bool> OutputService::flushed(std::chrono::milliseconds deadline) {
    Awaitable<bool> timed = io::with_deadline(all_finished(), deadline);
    co_return co_await std::move(timed);
}

Awaitable<> OutputService::all_finished() {
    while (!finished()) {
        Awaitable<> waiting = finished_.wait();
        co_await std::move(waiting);
    }
}

bool OutputService::finished() const {
    return std::all_of(relays_.begin(), relays_.end(),
                       [](const std::unique_ptr<Relay>& relay) { return relay->finished(); });
}

std::vector<RelayStatus> OutputService::status() const {
    std::vector<RelayStatus> all;
    all.reserve(relays_.size());
    for (const std::unique_ptr<Relay>& relay : relays_)
        all.push_back(relay->status());
    return all;
}

} // namespace rouse::output
