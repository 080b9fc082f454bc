#include "agent/restore/repair.hpp"

#include "agent/sys/clock.hpp"
#include "agent/sys/random.hpp"
#include "proto/limits.hpp"
#include "proto/text.hpp"

#include <fmt/format.h>

#include <chrono>

namespace rouse::restore {

namespace {

/// What a worker does for a step; owns all that it uses.
using Work = std::function<StepOutcome(const std::stop_token&)>;

std::span<const std::uint8_t> span_of(const std::string& text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

StepOutcome outcome_of(const sys::Result<>& done) {
    return done ? StepOutcome{} : StepOutcome{.ok = false, .detail = done.error().message()};
}

StepOutcome seed(const RepairOrder& order) {
    if (!order.document.entropy.empty())
        return outcome_of(sys::add_entropy(span_of(order.document.entropy)));
    StepOutcome outcome = outcome_of(sys::reseed_random());
    if (outcome.ok) outcome.detail = "from what the kernel has; the host gave none";
    return outcome;
}

StepOutcome set_clock(std::uint64_t now_ns) {
    if (now_ns > static_cast<std::uint64_t>(INT64_MAX)) return outcome_of(sys::error_from(EINVAL));
    return outcome_of(sys::set_realtime(static_cast<std::int64_t>(now_ns)));
}

struct WorkerStep {
    std::string name; ///< as the report has it
    Work work;        ///< empty: nothing to do
};

/// What the document asks of the network, after the names that others know the guest by.
void add_network_steps(const proto::RestoreDocument& document, const RepairPlaces& places,
                       std::vector<WorkerStep>& steps) {
    Work& network = steps.emplace_back(WorkerStep{.name = "network", .work = {}}).work;
    if (!document.network.empty())
        network = [interfaces = document.network](const auto& stop) {
            return set_network(interfaces, stop);
        };
    Work& dns = steps.emplace_back(WorkerStep{.name = "dns", .work = {}}).work;
    if (document.dns)
        dns = [names = *document.dns, places](const auto& stop) {
            return set_dns(names, places, stop);
        };
    Work& ending = steps.emplace_back(WorkerStep{.name = "close_tcp", .work = {}}).work;
    if (document.close_tcp) ending = [](const auto& stop) { return close_tcp(stop); };
}

/// The steps that can block in the kernel, in their order.
std::vector<WorkerStep> worker_steps(const proto::RestoreDocument& document,
                                     const RepairPlaces& places) {
    std::vector<WorkerStep> steps;
    Work& hostname = steps.emplace_back(WorkerStep{.name = "hostname", .work = {}}).work;
    if (document.hostname)
        hostname = [name = *document.hostname, places](const auto& stop) {
            return set_hostname(name, places, stop);
        };
    Work& machine_id = steps.emplace_back(WorkerStep{.name = "machine_id", .work = {}}).work;
    if (document.machine_id)
        machine_id = [id = *document.machine_id, places](const auto& stop) {
            return set_machine_id(id, places, stop);
        };
    add_network_steps(document, places, steps);
    return steps;
}

/// One order being carried out.
class Repairing {
public:
    Repairing(RepairOrder order, io::Blocking& blocking, RepairPlaces places)
        : order_(std::move(order)), blocking_(blocking), places_(std::move(places)) {}

    io::Awaitable<Repairs> run() {
        if (wanted(order_.make_generation || !order_.document.entropy.empty(), "entropy"))
            finish(seed(order_));
        repairs_.failed = repairs_.steps.back().outcome == "failed";
        if (!repairs_.failed) {
            if (wanted(order_.document.now_ns.has_value(), "clock"))
                finish(set_clock(
                    proto::wall_clock_at(order_.document, std::chrono::steady_clock::now())));
            io::Awaitable<> rest = repair_identity();
            co_await std::move(rest);
            if (order_.make_generation) repairs_.generation = proto::make_uuid(random_bytes(16));
        }
        co_return std::move(repairs_);
    }

private:
    /// Begins a step, and skips it where it has nothing to do.
    bool wanted(bool asked_for, std::string name) {
        began_ = std::chrono::steady_clock::now();
        const bool works = asked_for && order_.kernel == Kernel::repair;
        proto::RestoreStep& step = repairs_.steps.emplace_back();
        step.name = std::move(name);
        step.outcome = "skipped";
        return works;
    }

    void finish(StepOutcome outcome) {
        const auto passed = std::chrono::steady_clock::now() - began_;
        proto::RestoreStep& step = repairs_.steps.back();
        step.duration_us = static_cast<std::uint64_t>(
            std::chrono::duration_cast<std::chrono::microseconds>(passed).count());
        step.outcome = outcome.ok ? "ok" : "failed";
        step.detail = std::move(outcome.detail);
    }

    io::Awaitable<> repair_identity() {
        // A list of its own: GCC 12 destroys temporaries of an awaiting expression twice.
        std::vector<WorkerStep> steps = worker_steps(order_.document, places_);
        for (WorkerStep& step : steps) {
            io::Awaitable<> working = on_worker(std::move(step.name), std::move(step.work));
            co_await std::move(working);
        }
    }

    /// One step on a worker; empty work is nothing to do. One that takes too long is told to stop
    /// before its next call of the kernel, and no longer waited for.
    io::Awaitable<> on_worker(std::string name, Work work) {
        if (!wanted(static_cast<bool>(work), name)) co_return;
        std::stop_source step;
        std::function<StepOutcome()> call = [work = std::move(work), stop = step.get_token()] {
            return work(stop);
        };
        // A worker that nobody waits for any more, this coroutine's end included, must stop.
        const GivesUp gives_up(step);
        io::Awaitable<std::optional<StepOutcome>> working = blocking_.get<StepOutcome>(
            "restore: " + name, proto::limits::repair_step, std::move(call));
        std::optional<StepOutcome> outcome = co_await std::move(working);
        if (!outcome)
            outcome = StepOutcome{
                .ok = false,
                .detail = fmt::format("not done after {} ms", proto::limits::repair_step.count())};
        finish(std::move(*outcome));
    }

    class GivesUp {
    public:
        explicit GivesUp(std::stop_source& source) : source_(source) {}
        GivesUp(const GivesUp&) = delete;
        GivesUp& operator=(const GivesUp&) = delete;
        GivesUp(GivesUp&&) = delete;
        GivesUp& operator=(GivesUp&&) = delete;
        ~GivesUp() { source_.request_stop(); }

    private:
        std::stop_source& source_;
    };

    RepairOrder order_;
    io::Blocking& blocking_;
    RepairPlaces places_;
    Repairs repairs_;
    std::chrono::steady_clock::time_point began_;
};

} // namespace

io::Awaitable<Repairs> repair(RepairOrder order, io::Blocking& blocking, RepairPlaces places) {
    Repairing repairing(std::move(order), blocking, std::move(places));
    io::Awaitable<Repairs> running = repairing.run();
    Repairs repairs = co_await std::move(running);
    co_return repairs;
}

std::string random_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    const sys::Result<> filled =
        sys::fill_random({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
    if (!filled) throw boost::system::system_error(filled.error(), "getrandom");
    return bytes;
}

} // namespace rouse::restore
