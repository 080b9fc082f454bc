// A world around the preparation for a snapshot: does what its machine asks for, and watches its
// promises.
#pragma once

#include "agent/restore/prepare_machine.hpp"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace rouse::test {

using namespace restore;
using namespace std::chrono_literals;
using Names = std::vector<std::string>;

inline constexpr const char* lease = "11111111-1111-4111-8111-111111111111";
inline constexpr const char* other_lease = "22222222-2222-4222-8222-222222222222";

inline PrepareOptions with_hooks() {
    PrepareOptions options;
    options.has_prepare_hook = true;
    options.has_resume_hook = true;
    return options;
}

/// A machine with hands that do at once, or not, what it asks for. A value: copies go their own
/// ways.
struct PrepareWorld {
    explicit PrepareWorld(PrepareOptions options = with_hooks()) : machine(options) {}

    void happen(const PrepareEvent& event) {
        for (const PrepareAction& action : machine.handle(event, now))
            std::visit([this](const auto& wanted) { did(wanted); }, action);
        const bool held = frozen || filesystems;
        require(!held || machine.refuses_spawns(), "nobody starts processes while anything stands");
        if (machine.state().phase == PreparePhase::idle) {
            require(!frozen && !filesystems, "an idle machine leaves nothing frozen");
            hooked = false;
        }
        const PreparePhase phase = machine.state().phase;
        restoring = restoring && phase != PreparePhase::idle && phase != PreparePhase::prepared;
    }
    void ask(proto::PrepareRequest request = everything()) {
        asked.insert(++ticket);
        happen(prepare_event::Asked{request, lease, ticket});
    }
    void undo(Undo why, std::string named = {}, bool only_filesystems = false) {
        undoing.insert(++ticket);
        const bool chain = !only_filesystems && (why == Undo::restore || why == Undo::shutdown);
        restoring = restoring || (chain && machine.state().phase != PreparePhase::idle);
        happen(prepare_event::UndoAsked{why, std::move(named), only_filesystems, ticket});
    }
    void finish(const std::string& outcome = "ok") {
        if (!at_work) return;
        const auto done = *at_work;
        at_work.reset();
        if (done.step == PrepareStep::thaw) frozen = false;
        if (done.step == PrepareStep::thaw_filesystems) filesystems = false;
        if (done.step == PrepareStep::resume_hook) hooked = false;
        happen(prepare_event::StepDone{done.run, outcome, "", 7});
    }
    void finish_all() {
        for (int i = 0; i < 40 && at_work; ++i)
            finish();
    }
    void run_to(PrepareStep step) {
        for (int i = 0; i < 20 && at_work && at_work->step != step; ++i)
            finish();
    }

    static proto::PrepareRequest everything() {
        proto::PrepareRequest request;
        request.freeze_filesystems = {"/data"};
        return request;
    }

    void did(const prepare_action::Do& wanted) {
        require(!at_work, "one step at a time");
        at_work = wanted;
        steps.emplace_back(name(wanted.step));
        kinds.push_back(wanted.kind);
        require(wanted.budget > 0ms, "every step has time");
        const bool hook =
            wanted.step == PrepareStep::hook || wanted.step == PrepareStep::resume_hook;
        require(!hook || (!frozen && !filesystems), "no hook runs while anything is frozen");
        require(wanted.step != PrepareStep::resume_hook || !restoring, "a chain starts no hook");
        require(wanted.step != PrepareStep::thaw || !filesystems, "file systems are thawed first");
        require(wanted.step != PrepareStep::freeze || !filesystems, "the payload is frozen first");
        if (wanted.step == PrepareStep::spawns) restoring = false; // another one begins
        if (wanted.step == PrepareStep::hook) hooked = true;
        if (wanted.step == PrepareStep::freeze) frozen = true;
        if (wanted.step == PrepareStep::freeze_filesystems) filesystems = true;
    }
    void did(const prepare_action::Cancel&) { ++cancels; }
    void did(const prepare_action::Mark&) { marked = true; }
    void did(const prepare_action::Unmark&) { marked = false; }
    void did(const prepare_action::ArmLease& armed) {
        timer = armed.timer;
        after = armed.after;
    }
    void did(const prepare_action::DisarmLease&) { timer = 0; }
    void did(const prepare_action::Answer& answer) {
        require(asked.erase(answer.ticket) == 1, "each request is answered once");
        prepared = answer.prepared;
        const bool is_prepared = prepared.state == "prepared";
        require(!is_prepared || (!at_work && timer != 0 && marked), "prepared means done");
        require(is_prepared || !filesystems || machine.state().only_filesystems,
                "who is told of a failure finds file systems thawed");
    }
    void did(const prepare_action::AnswerUndo& answer) {
        require(undoing.erase(answer.ticket) == 1, "each undoing is answered once");
        resumed = answer.resumed;
    }
    void did(const prepare_action::Record& record) { records.push_back(record.type); }

    void require(bool holds, const char* promise) {
        if (!holds && broken.empty()) broken = promise;
    }

    PrepareMachine machine;
    std::chrono::steady_clock::time_point now{};
    std::optional<prepare_action::Do> at_work;
    bool frozen = false;
    bool filesystems = false;
    bool hooked = false;
    bool marked = false;
    bool restoring = false; ///< a chain has asked for the present undoing
    std::uint64_t timer = 0;
    std::chrono::milliseconds after{};
    std::uint64_t ticket = 0;
    std::set<std::uint64_t> asked;
    std::set<std::uint64_t> undoing;
    proto::Prepared prepared;
    proto::Resumed resumed;
    Names steps;
    Names kinds;
    Names records;
    int cancels = 0;
    std::string broken;
};

} // namespace rouse::test
