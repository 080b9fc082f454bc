#include "agent/restore/restore_service.hpp"

#include "agent/io/race.hpp"
#include "agent/sys/age.hpp"
#include "agent/sys/defence.hpp"
#include "proto/text.hpp"

#include <fmt/format.h>

namespace rouse::restore {

namespace {

ChainOptions chain_options(const RestoreOptions& options) {
    ChainOptions chain;
    chain.confirm_deadline = options.confirm_deadline;
    chain.require_probe = options.require_probe;
    chain.has_link = options.host_link.has_value();
    chain.coalesce = !sys::is_off(sys::Defence::coalesce);
    chain.confirm_first = !sys::is_off(sys::Defence::confirm_first);
    return chain;
}

boost::json::array triggers_json(const ChainMachine& machine) {
    boost::json::array rows;
    for (const TriggerRecord& trigger : machine.triggers())
        rows.push_back({{"source", trigger.source},
                        {"value", trigger.value},
                        {"epoch", trigger.epoch},
                        {"made", trigger.made},
                        {"age_ms", sys::milliseconds_since(trigger.at)}});
    return rows;
}

} // namespace

RestoreService::Ticket::Ticket(RestoreService& service, std::uint64_t ticket)
    : owner(service), number(ticket), timer(service.executor_, io::Timer::time_point::max()) {
    owner.tickets_.emplace(number, this);
}

RestoreService::Ticket::~Ticket() {
    owner.tickets_.erase(number);
}

RestoreService::RestoreService(io::Executor executor, io::TaskGroup& tasks,
                               io::ConnectionRegistry& registry, RestoreOptions options,
                               RestoreHooks hooks)
    : executor_(std::move(executor)), tasks_(tasks), registry_(registry),
      options_(std::move(options)), hooks_(std::move(hooks)),
      machine_(proto::make_uuid(random_bytes(16)), chain_options(options_)),
      link_(executor_, tasks_, registry_, link_hooks()),
      gate_timer_(executor_, io::Timer::time_point::max()), rebind_timer_(executor_),
      confirm_timer_(executor_), redial_timer_(executor_), verify_timer_(executor_) {
    identity_.boot_id = proto::make_uuid(random_bytes(16));
    identity_.link_key = proto::to_hex(random_bytes(16));
    take_over_identity();
}

void RestoreService::begin() {
    hear(event::Boot{});
}

io::Awaitable<proto::RestoreReport> RestoreService::host_word(proto::RestoreDocument document,
                                                              std::uint64_t connection) {
    Ticket ticket(*this, next_ticket_++);
    if (!document.config.empty())
        offers_.emplace(ticket.number, Offer{document.config, document.generation});
    hear(event::HostWord{std::move(document), connection, ticket.number});
    // Cancelled (the client has gone): the next wait throws. The chain goes on without it.
    while (!ticket.report)
        (void)co_await ticket.timer.async_wait(io::no_throw);
    co_return std::move(*ticket.report);
}

proto::Ready RestoreService::ready(std::string nonce) {
    hear(event::Probed{nonce});
    proto::Ready answer;
    answer.ready = machine_.state().gate_open;
    answer.boot_id = identity_.boot_id;
    answer.generation = identity_.generation;
    answer.epoch = identity_.epoch;
    answer.link_key = identity_.link_key;
    answer.nonce = std::move(nonce);
    return answer;
}

io::Awaitable<bool> RestoreService::gate() {
    if (machine_.state().gate_open) co_return true;
    io::Awaitable<bool> waiting = io::with_deadline(gate_opened(), proto::limits::spawn_gate);
    const bool opened = co_await std::move(waiting);
    co_return opened || machine_.state().gate_open;
}

io::Awaitable<> RestoreService::gate_opened() {
    while (!machine_.state().gate_open)
        (void)co_await gate_timer_.async_wait(io::no_throw);
}

std::string RestoreService::step() const {
    return std::string(machine_.step());
}

void RestoreService::notice(Signal signal) {
    record("trigger", {{"source", signal.source}, {"value", signal.value}});
    // One source alone may say who we are now; the metadata service is the slowest to notice.
    if (signal.source != "mmds" && hooks_.look_again) hooks_.look_again();
    hear(event::Noticed{std::move(signal)});
}

void RestoreService::prepare_changed(bool prepared) {
    hear(event::PrepareChanged{prepared});
}

void RestoreService::publish(std::string type, boost::json::object body) {
    link_.publish(std::move(type), std::move(body));
    hear(event::Wanted{});
}

io::Awaitable<bool> RestoreService::events_acknowledged(std::chrono::milliseconds deadline) {
    io::Awaitable<bool> waiting = link_.events_acknowledged(deadline);
    const bool acknowledged = co_await std::move(waiting);
    co_return acknowledged;
}

std::vector<proto::RestoreReport> RestoreService::reports() const {
    return {machine_.reports().begin(), machine_.reports().end()};
}

boost::json::object RestoreService::status() const {
    const ChainState& state = machine_.state();
    boost::json::object status{{"boot_id", identity_.boot_id},
                               {"generation", identity_.generation},
                               {"parent_generation", nullptr},
                               {"epoch", identity_.epoch},
                               {"step", machine_.step()},
                               {"gate", state.gate_open ? "open" : "shut"},
                               {"output", state.output_on ? "on" : "off"},
                               {"link", link_.connected() ? "connected" : "none"},
                               {"events_waiting", link_.events().size()},
                               {"events_dropped", link_.events().dropped()}};
    status["triggers"] = triggers_json(machine_);
    if (identity_.parent_generation) status["parent_generation"] = *identity_.parent_generation;
    if (!machine_.reports().empty()) status["report"] = to_json(machine_.reports().back());
    return status;
}

void RestoreService::hear(Event event) {
    inbox_.take(std::move(event), [this](const Event& next) {
        for (Action& action : machine_.handle(next, std::chrono::steady_clock::now()))
            todo_.push_back(std::move(action));
        take_over_identity();
        work();
    });
}

void RestoreService::take_over_identity() {
    identity_.generation = machine_.state().generation;
    identity_.parent_generation = machine_.state().parent;
    if (identity_.epoch == machine_.state().epoch) return;
    identity_.epoch = machine_.state().epoch;
    identity_.link_key = proto::to_hex(random_bytes(16));
}

LinkHooks RestoreService::link_hooks() {
    LinkHooks hooks;
    hooks.up = [this](std::uint64_t link) {
        record("link_up", {{"link", link}});
        hear(event::LinkUp{link, proto::to_hex(random_bytes(16))});
    };
    hooks.failed = [this](std::uint64_t link, std::string why) {
        hear(event::LinkFailed{link, std::move(why)});
    };
    hooks.acknowledged = [this](std::uint64_t link, proto::LinkHelloAck ack) {
        hear(event::HelloAck{link, std::move(ack.nonce), std::move(ack.document)});
    };
    hooks.lost = [this](std::uint64_t link, std::string why) {
        log("link: lost, " + why);
        record("link_lost", {{"link", link}, {"why", why}});
        if (hooks_.look_again) hooks_.look_again();
        hear(event::CanaryLost{link, std::move(why)});
    };
    hooks.verified = [this](std::uint64_t link) { hear(event::LinkVerified{link}); };
    return hooks;
}

void RestoreService::log(std::string text) {
    if (hooks_.log) hooks_.log(std::move(text));
}

void RestoreService::record(std::string_view type, boost::json::object body) {
    if (hooks_.event) hooks_.event(type, std::move(body));
}

} // namespace rouse::restore
