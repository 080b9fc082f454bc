#include "tests/uml/session.hpp"

#include "initramfs/file.hpp"
#include "tests/support/wait.hpp"
#include "tests/uml/exactly_once.hpp"
#include "tests/uml/recovery.hpp"
#include "tools/lab/identity.hpp"
#include "tools/lab/places.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace rouse::uml {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;

namespace {

/// The link and two streams of output.
constexpr std::size_t standing_connections = 3;

/// Adds a line to a file, so that a command that ran twice is found out.
constexpr const char* command = "echo run >>/run/sessions; echo out; echo err >&2; exit 5";

std::string text_or_nothing(const json::value& document, std::string_view pointer) {
    boost::system::error_code missing;
    const json::value* const found = document.find_pointer(pointer, missing);
    return found != nullptr && found->is_string() ? std::string(found->get_string())
                                                  : std::string();
}

/// What is not as it should be among the guest's connections; empty when all is well.
std::string wrong_among(const json::array& connections, std::uint64_t epoch) {
    std::set<std::string> missing{"link", "output stdout", "output stderr"};
    for (const json::value& connection : connections) {
        if (test::number_at(connection, "/epoch") != epoch)
            return fmt::format("{} is older than epoch {}", json::serialize(connection), epoch);
        const std::string role = test::text_at(connection, "/role");
        if (missing.erase(role) == 0 && role != "http")
            return fmt::format("there is one more {}", role);
    }
    return missing.empty() ? std::string() : fmt::format("no {}", *missing.begin());
}

/// What is not as it should be in a status; empty when all is well.
std::string wrong_in(const json::value& status, const std::string& generation) {
    const std::array<std::array<std::string_view, 2>, 7> wanted{{
        {"/generation", generation},
        {"/restore/step", "none"},
        {"/restore/gate", "open"},
        {"/restore/output", "on"},
        {"/restore/link", "connected"},
        {"/restore/report/state", "complete"},
        {"/restore/report/exec", "proven"},
    }};
    for (const auto& [pointer, value] : wanted)
        if (text_or_nothing(status, pointer) != value)
            return fmt::format("{} is not '{}'", pointer, value);
    return wrong_among(status.at("connections").as_array(), test::number_at(status, "/epoch"));
}

} // namespace

Script SessionWatch::script(std::shared_ptr<SessionWatch> watch) {
    return [watch = std::move(watch)](Vmm& vmm, Direction direction, const Packet& packet) {
        return watch->look(vmm, direction, packet);
    };
}

std::chrono::milliseconds SessionWatch::since_fault() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - struck_);
}

Verdict SessionWatch::look(Vmm& vmm, Direction direction, const Packet& packet) {
    const std::string name = names_.next(direction, packet);
    if (name.empty()) return Verdict::deliver;
    if (std::find(seen_.begin(), seen_.end(), name) == seen_.end()) seen_.push_back(name);
    if (met_ || name != plan_.before) return Verdict::deliver;
    met_ = true;
    struck_ = Clock::now();
    vmm.log().happened("fault before " + name);
    return strike(vmm);
}

Verdict SessionWatch::strike(Vmm& vmm) const {
    switch (plan_.fault) {
    case Fault::restore:
        vmm.restore();
        break;
    case Fault::new_cid:
        vmm.restore(vmm.cid() + 1);
        break;
    case Fault::event_alone:
        vmm.transport_reset();
        break;
    case Fault::refuse:
        return Verdict::refuse;
    }
    return Verdict::deliver;
}

RigOptions session_options(const Profile& profile) {
    RigOptions options;
    options.profile = profile;
    options.config = workload_config({"trickle", "5000", "40"});
    options.generation = lab::random_uuid();
    return options;
}

SessionOutcome Sessions::run(const Plan& plan) {
    const auto watch = std::make_shared<SessionWatch>(plan);
    const std::string generation = lab::random_uuid();
    initramfs::write_file(rig_.document(),
                          boost::json::serialize(lab::restore_document(generation)));
    rig_.vmm([&](Vmm& vmm) {
        vmm.set_script(SessionWatch::script(watch));
        vmm.restore(plan.fault == Fault::new_cid ? vmm.cid() + 1 : vmm.cid());
    });
    return finish(generation, watch);
}

SessionOutcome Sessions::finish(const std::string& generation,
                                const std::shared_ptr<SessionWatch>& watch) {
    parent_ = std::exchange(generation_, generation);
    await_output();
    check_exec();
    await_last_packets(*watch);
    rig_.set_script({});
    wait_right_state();
    SessionOutcome outcome{.met = watch->met(), .names = watch->seen(), .recovery = {}};
    if (outcome.met) outcome.recovery = watch->since_fault();
    if (outcome.recovery > session_deadline) rig_.print();
    wait_growth(rig_.collected(), generation_, 1, recovery_deadline);
    check_output(rig_, generation_);
    if (!parent_.empty()) check_output(rig_, parent_);
    return outcome;
}

void Sessions::await_output() {
    const auto has_come = [&] {
        return rig_.collected().size(generation_, "stdout") > 0 &&
               rig_.collected().size(generation_, "stderr") > 0;
    };
    test::wait_until(
        has_come, [&] { return "no output of generation " + generation_; }, recovery_deadline);
}

void Sessions::check_exec() {
    const test::Said said =
        test::run_command({lab::build_product("tools/rousectl").string(), "-H",
                           rig_.endpoint().target(), "exec", "--", "/bin/sh", "-c", command},
                          recovery_deadline);
    ++commands_;
    INFO(said.error);
    CHECK(said.status == 5);
    CHECK(said.output == "out\n");
}

/// Those that end the command's connection come after rousectl has ended. They are waited for as
/// long as the fault may still be to come; a host program may hold another call for seconds, since
/// a guest that was reset says nothing when it closes.
void Sessions::await_last_packets(const SessionWatch& watch) {
    const lab::Deadline deadline(std::chrono::milliseconds(500));
    const auto goes_on = [&](Vmm& vmm) {
        const bool to_come = watch.plan().before.empty() || !watch.met();
        return to_come && vmm.connections() > standing_connections;
    };
    while (rig_.vmm(goes_on) && !deadline.expired())
        lab::wait_to_retry(deadline);
}

void Sessions::wait_right_state() {
    std::string wrong;
    const auto is_right = [&] {
        try {
            wrong = wrong_in(test::status(rig_.endpoint()), generation_);
        } catch (const std::runtime_error& error) {
            // A reset that the guest has not heard of yet takes our connection along.
            wrong = error.what();
        }
        return wrong.empty();
    };
    test::wait_until(
        is_right, [&] { return wrong; }, recovery_deadline);
}

void Sessions::check_commands() {
    const auto count = exec(rig_.endpoint(), {"wc", "-l", "/run/sessions"});
    CHECK(count.out.bytes == fmt::format("{} /run/sessions\n", commands_));
}

} // namespace rouse::uml
