#pragma once
// A world around the restore chain for tests: does what the chain asks for, knows which events can
// happen next, and watches the chain's promises.

#include "agent/restore/chain_machine.hpp"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace rouse::test {

inline constexpr const char* local_generation = "00000000-0000-4000-8000-000000000000";
inline constexpr const char* generation_a = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa";
inline constexpr const char* generation_b = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb";

/// A value: copies go their own ways, which is how every order of events is tried.
class RestoreWorld {
public:
    struct Choice {
        std::string name;
        restore::Event event;
    };

    explicit RestoreWorld(restore::ChainOptions options = {});

    /// Every event that can happen now, triggers and troubles included.
    [[nodiscard]] std::vector<Choice> choices() const;
    /// Lets an event happen, does what the chain then asks for, and checks its promises.
    void happen(const Choice& choice);
    /// Lets the world run on, without new triggers and with a host that stays silent, until there
    /// is nothing left to do but redial.
    void settle();

    [[nodiscard]] const restore::ChainMachine& machine() const { return machine_; }
    /// What was broken, in words; empty as long as every promise holds.
    [[nodiscard]] const std::string& broken() const { return broken_; }
    /// Two worlds with the same key have the same future.
    [[nodiscard]] std::string key() const;
    [[nodiscard]] std::size_t rebinds() const { return rebinds_; }
    [[nodiscard]] const std::string& answered() const { return answered_; }
    [[nodiscard]] std::size_t output_connects() const { return output_connects_; }
    [[nodiscard]] std::size_t triggers() const { return triggers_; }
    [[nodiscard]] const std::string& history() const { return history_; }
    void advance(std::chrono::milliseconds by) { now_ += by; }

private:
    void perform(const restore::Action& action);
    void check_confirmed(std::uint64_t link);
    void require(bool holds, const char* promise);
    void check_after();

    void did(const restore::action::BeginEpoch& begun);
    void did(const restore::action::CloseGate&) { gate_ = false; }
    void did(const restore::action::DisconnectOutput&) { output_ = false; }
    void did(const restore::action::CloseLink&) { dialling_ = up_ = 0; }
    void did(const restore::action::Fence&) { fencing_ = true; }
    void did(const restore::action::Rebind&);
    void did(const restore::action::DialLink& dial);
    void did(const restore::action::SendHello& hello);
    void did(const restore::action::Apply& apply);
    void did(const restore::action::OpenGate&);
    void did(const restore::action::SendConfirm&);
    void did(const restore::action::ConnectOutput&);
    void did(const restore::action::Announce& announce);
    void did(const restore::action::AnswerHostWord& answer);
    void did(const restore::action::ArmDeadline& deadline);
    void did(const restore::action::RedialLater& redial);
    void did(const restore::action::Note&) {}
    void did(const restore::action::Thaw&);
    void did(const restore::action::VerifyLink& verify) { verifying_ = verify.link; }
    void add_host_choices(std::vector<Choice>& can) const;
    void add_trigger_choices(std::vector<Choice>& can) const;
    void add_timer_choices(std::vector<Choice>& can) const;
    void note_what_is_done(const restore::Event& event);
    void note_what_happens(const Choice& choice);
    [[nodiscard]] std::string trigger_key() const;

    restore::ChainOptions options_;
    restore::ChainMachine machine_;
    restore::TimePoint now_{};
    restore::TimePoint began_{}; ///< the newest chain
    std::string broken_;
    std::string history_;

    bool gate_ = false;
    bool output_ = false;
    bool fencing_ = false;
    bool rebinding_ = false;
    bool applying_ = false;
    bool making_ = false; ///< the document at work asks for a local generation
    bool thawing_ = false;
    bool prepared_ = false;  ///< the payload is frozen
    bool dead_link_ = false; ///< the link is up, and its host is another machine's by now
    bool owed_ = false;      ///< the last document could not be applied
    bool overdue_ = false;   ///< the rebind at work has missed its deadline
    bool rebound_ = false;   ///< since the last trigger
    bool probed_ = false;    ///< with the nonce of the link that is up
    bool proven_ = false;    ///< probed in this epoch
    bool acked_ = false;
    bool confirm_sent_ = false; ///< on the link that is up
    std::uint64_t dialling_ = 0;
    std::uint64_t up_ = 0;
    std::string nonce_;
    std::uint64_t rebind_timer_ = 0;
    std::uint64_t confirm_timer_ = 0;
    std::uint64_t redial_timer_ = 0;
    std::uint64_t verify_timer_ = 0;
    std::uint64_t verifying_ = 0; ///< the link on which our PING waits
    std::uint64_t next_ticket_ = 1;
    std::map<std::uint64_t, std::string> tickets_; ///< not answered yet: what generation each named
    std::string answered_; ///< of what kind the chain was that the last word was answered with
    std::size_t rebinds_ = 0;
    std::size_t output_connects_ = 0;
    std::size_t triggers_ = 0;
    std::size_t words_ = 0;
    std::size_t losses_ = 0;
    std::size_t signals_ = 0;
    std::size_t snapshots_ = 0;
    std::size_t applications_ = 0;
    std::multiset<std::string> applied_; ///< generations
};

} // namespace rouse::test
