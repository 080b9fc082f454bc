#pragma once
// The hands of the restore chain: does what chain_machine.hpp decides, and tells it what happened.

#include "agent/restore/chain_machine.hpp"
#include "agent/restore/inbox.hpp"
#include "agent/restore/link.hpp"
#include "agent/restore/repair.hpp"

#include <deque>
#include <map>

namespace rouse::restore {

/// Who this VM is now. boot_id and epoch tell its connections apart, generation its incarnations.
struct Identity {
    std::string boot_id;    ///< UUID, random at the start of the agent
    std::string generation; ///< UUID, the host's or a local one until the host gives one
    std::optional<std::string> parent_generation; ///< before the last restore
    std::uint64_t epoch = 0;                      ///< raised at each run of the chain
    std::string link_key;                         ///< 32 hexadecimal digits, new at each epoch

    friend bool operator==(const Identity&, const Identity&) = default;
};

struct RestoreOptions {
    std::optional<io::Address> host_link; ///< without one there is no link, and nobody is dialled
    std::uint32_t exec_port = 1001;
    std::chrono::milliseconds confirm_deadline = proto::limits::confirm;
    bool require_probe = true;   ///< output connects only after the host has probed the exec port
    bool apply_to_kernel = true; ///< clock, random generator and /run/rouse/generation are ours
    std::vector<std::string> streams{"stdout", "stderr"};
};

/// What the chain needs from its neighbours. Empty functions do nothing, but for `fence`, which has
/// a default.
struct RestoreHooks {
    /// Begins the registry's new epoch and closes what is older; returns how many. Empty:
    /// ConnectionRegistry::fence().
    std::function<std::size_t(const io::FenceRule& rule)> fence;
    /// Brings the exec listener back: "kept", "recreated", or what went wrong.
    std::function<io::Awaitable<std::string>()> rebind;
    std::function<void(const Identity&)> connect_output;
    std::function<void()> disconnect_output;
    std::function<void(std::string)> log;
    /// What happens to the link and the chain, for the guest's own record.
    std::function<void(std::string_view type, boost::json::object body)> event = {};
    /// Newest connection that was open when a snapshot was prepared; 0: none is prepared.
    std::function<std::uint64_t()> open_mark = {};
    /// A chain begins or has ended: meanwhile, and after a failure, what was frozen stays frozen.
    std::function<void(bool chain_needs_it)> hold_prepared = {};
    /// Lets a payload go on that was frozen for a snapshot.
    std::function<io::Awaitable<std::vector<proto::RestoreStep>>()> thaw = {};
    /// For the hello: "none", "prepared" or "expired".
    std::function<std::string()> prepare_state = {};
    /// A restore is done, once for each generation: the programs of the guest may hear of it.
    std::function<void(const proto::RestoreReport&, const proto::RestoreDocument&)> restored = {};
    /// The link was lost, or a timer was late: what can be looked at only then is looked at.
    std::function<void()> look_again = {};
    /// A document that is in force now has brought a configuration, JSON text. `source` names where
    /// it came from, for people.
    std::function<void(const std::string& config, const std::string& source)> configuration = {};
    /// Applies a document: repair(). Called again only once it has ended, since the machine
    /// finishes the step at work before it begins anew.
    std::function<io::Awaitable<Repairs>(RepairOrder order)> repair = {};
};

/// One thread. Lives as long as the tasks that it spawns in `tasks`.
class RestoreService {
public:
    /// Borrows `tasks` and `registry`. Throws boost::system::system_error without getrandom(2).
    RestoreService(io::Executor executor, io::TaskGroup& tasks, io::ConnectionRegistry& registry,
                   RestoreOptions options, RestoreHooks hooks);

    /// Runs the chain for the first time. Called once.
    void begin();

    /// `POST /v1/restore` on `connection`, an id of the registry: returns once the chain has ended.
    /// The same generation is handled once; who names it again gets the same report.
    io::Awaitable<proto::RestoreReport> host_word(proto::RestoreDocument document,
                                                  std::uint64_t connection);

    /// `GET /v1/ready`: who we are, and whether execs are let through. Remembers that the host
    /// probed. To be called only for connections from the host.
    proto::Ready ready(std::string nonce);

    /// Waits until execs are allowed, at most limits::spawn_gate. False: 503 with step().
    io::Awaitable<bool> gate();
    [[nodiscard]] std::string step() const;

    /// A source of triggers has noticed something.
    void notice(Signal signal);
    /// A snapshot was prepared, or no longer is.
    void prepare_changed(bool prepared);

    /// Tells the host something, once it is there, again until it acknowledges.
    void publish(std::string type, boost::json::object body);
    io::Awaitable<bool> events_acknowledged(std::chrono::milliseconds deadline);

    [[nodiscard]] const Identity& identity() const { return identity_; }
    [[nodiscard]] boost::json::object status() const;
    /// The last 16 runs of the chain, oldest first.
    [[nodiscard]] std::vector<proto::RestoreReport> reports() const;

private:
    /// A host word that waits for its answer.
    struct Ticket {
        Ticket(RestoreService& service, std::uint64_t ticket);
        ~Ticket();
        Ticket(const Ticket&) = delete;
        Ticket& operator=(const Ticket&) = delete;

        RestoreService& owner;
        std::uint64_t number;
        io::Timer timer; ///< cancelled when the report is there
        std::optional<proto::RestoreReport> report;
    };

    /// A configuration that came with a host word, until that is answered.
    struct Offer {
        std::string config;
        std::optional<std::string> generation; ///< that the word named
    };

    void hear(Event event);
    void take_over_identity();
    io::Awaitable<> run_rebind(std::uint64_t epoch);
    io::Awaitable<> run_repair(std::uint64_t epoch, RepairOrder order);
    io::Awaitable<> run_deadline(Deadline deadline, std::uint64_t timer,
                                 std::chrono::milliseconds after);
    io::Awaitable<> gate_opened();
    LinkHooks link_hooks();
    void log(std::string text);
    void record(std::string_view type, boost::json::object body);

    void work();
    bool pause_at(std::string_view when, std::string_view step);
    io::Awaitable<> end_pause();
    void perform(const action::BeginEpoch& begun);
    void perform(const action::CloseGate&);
    void perform(const action::DisconnectOutput&);
    void perform(const action::CloseLink&);
    void perform(const action::Fence& fence);
    void perform(const action::Rebind&);
    void perform(const action::DialLink& dial);
    void perform(const action::SendHello& hello);
    void perform(const action::Apply& apply);
    void perform(const action::OpenGate&);
    void perform(const action::SendConfirm& confirm);
    void perform(const action::ConnectOutput&);
    void perform(const action::Announce& announce);
    void perform(const action::AnswerHostWord& answer);
    void perform(const action::ArmDeadline& deadline);
    void perform(const action::RedialLater& redial);
    void perform(const action::Note& note);
    void perform(const action::Thaw&);
    void perform(const action::VerifyLink&);
    io::Awaitable<> run_thaw(std::uint64_t epoch);
    void announce_restored(const proto::RestoreReport& report);
    void hand_over_configuration(const LinkFacts& link);
    void hand_over_configuration(const action::AnswerHostWord& answer);
    io::Timer& timer_for(Deadline deadline);

    io::Executor executor_;
    io::TaskGroup& tasks_;
    io::ConnectionRegistry& registry_;
    RestoreOptions options_;
    RestoreHooks hooks_;
    ChainMachine machine_;
    Link link_;
    Identity identity_;
    Inbox<Event> inbox_;
    std::deque<Action> todo_;   ///< of the chain, not yet done
    bool paused_ = false;       ///< at a failpoint
    bool action_began_ = false; ///< the failpoint before the first of `todo_` has been passed
    io::Timer gate_timer_;      ///< cancelled when the gate opens
    io::Timer rebind_timer_;
    io::Timer confirm_timer_;
    io::Timer redial_timer_;
    io::Timer verify_timer_;
    proto::RestoreDocument applied_; ///< the newest document in force
    std::string announced_;          ///< the generation that the guest's programs know
    std::uint64_t next_ticket_ = 1;
    std::map<std::uint64_t, Ticket*> tickets_; ///< live in the frames of host_word()
    std::map<std::uint64_t, Offer> offers_;    ///< by ticket; each of those is answered once
    std::uint64_t configured_by_ = 0;          ///< the link whose configuration was handed over
};

} // namespace rouse::restore
