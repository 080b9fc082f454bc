#pragma once
// The running agent: the only place that knows everyone. It makes the parts, hands each the
// functions of the others that it needs, and decides how the program ends. Parts never include each
// other.

#include "agent/boot/hotplug_watch.hpp"
#include "agent/boot/load_config.hpp"
#include "agent/boot/shutdown_stages.hpp"
#include "agent/boot/timeline.hpp"
#include "agent/debug/event_limit.hpp"
#include "agent/debug/event_service.hpp"
#include "agent/exec/exec_service.hpp"
#include "agent/exec/forward_service.hpp"
#include "agent/exec/session_service.hpp"
#include "agent/files/files_service.hpp"
#include "agent/io/address.hpp"
#include "agent/io/blocking.hpp"
#include "agent/io/http_server.hpp"
#include "agent/io/listener.hpp"
#include "agent/io/spawn_gate.hpp"
#include "agent/io/task_group.hpp"
#include "agent/log.hpp"
#include "agent/loop.hpp"
#include "agent/output/output_service.hpp"
#include "agent/restore/filesystem_freezer.hpp"
#include "agent/restore/hook_runner.hpp"
#include "agent/restore/prepare_service.hpp"
#include "agent/restore/restore_service.hpp"
#include "agent/restore/triggers.hpp"
#include "agent/signal_source.hpp"
#include "agent/supervise/cgroup_freezer.hpp"
#include "agent/supervise/cgroups.hpp"
#include "agent/supervise/reaper.hpp"
#include "agent/supervise/spawner.hpp"
#include "agent/sys/power.hpp"
#include "agent/workload/vmm_notifier.hpp"
#include "agent/workload_service.hpp"
#include "agent/workload_session.hpp"
#include "proto/config.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace rouse {

struct AgentOptions {
    proto::Config config;
    std::vector<std::string> problems; ///< of the configuration; shown in the status
    bool is_vm = false; ///< PID 1 of a VM: repairs the kernel at a restore, powers off at the end
    /// What a boot document makes of the configuration; empty: none is waited for.
    std::function<boot::LoadedConfig(const std::string& document, const std::string& source)>
        add_boot_document;
    std::string token;          ///< that every request on the exec port has to show; empty: none
    bool signals_group = false; ///< `rouse run`: signals are for the command's whole group
    unsigned verbosity = 0;     ///< `rouse run`: 1 says what happens to the command, 2 everything
    sys::PowerAction power = sys::PowerAction::power_off; ///< what ends this VM
    bool has_host = false; ///< serves exec and relays output; otherwise it only supervises
    io::Address exec_address;
    io::Address link_address;
    io::Address output_address;
    std::string debug_socket; ///< empty: none
    boot::Timeline timeline;  ///< of the boot so far
    /// Those of the configuration that had not appeared when the agent began.
    std::vector<std::string> late_interfaces;
};

class Agent {
public:
    enum class Ending { poweroff, reboot, exit };

    /// Makes all parts; nothing runs yet. Throws when a descriptor cannot be had. Borrows the log.
    Agent(AgentOptions options, Log& log);
    Agent(const Agent&) = delete;
    Agent& operator=(const Agent&) = delete;
    Agent(Agent&&) = delete;
    Agent& operator=(Agent&&) = delete;
    ~Agent();

    /// Runs until the workload's end or a signal decides how it ends. Never throws: what escapes a
    /// task is reported, and the agent goes on.
    Ending run();

    /// Whether the machine is to end without any further step (SIGRTMIN+13 and its like).
    [[nodiscard]] bool at_once() const { return at_once_; }
    /// Those of the shutdown, of its configuration.
    [[nodiscard]] proto::ShutdownDeadlines deadlines() const;
    /// Exit status for `rouse run`: that of the workload, as a shell says it.
    [[nodiscard]] int exit_code() const { return workload_.process().shell_exit_code(); }

private:
    // agent.cpp
    void begin();
    void open_cgroups();
    void make_room();
    void listen();
    void open_debug_socket();
    // agent_restore.cpp
    restore::RestoreHooks restore_hooks();
    void add_snapshot_hooks(restore::RestoreHooks& hooks);
    io::Awaitable<restore::Repairs> repair_guest(restore::RepairOrder order);
    io::Awaitable<std::vector<proto::RestoreStep>> thaw_payload();
    io::Awaitable<std::string> rebind();
    void tell_programs(const proto::RestoreReport& report, const proto::RestoreDocument& document);
    io::Awaitable<> run_restored_hook();
    void watch_triggers();
    io::Awaitable<io::HttpReply> answer_restore(io::HttpRequest request);
    // agent_prepare.cpp
    restore::PrepareOptions prepare_options() const;
    restore::PrepareHands prepare_hands();
    io::Awaitable<bool> settle_spawns(std::chrono::milliseconds deadline);
    io::Awaitable<std::string> sync_disks(std::chrono::milliseconds deadline);
    io::Awaitable<proto::RestoreStep> run_hook(restore::Hook hook, std::string kind,
                                               std::chrono::milliseconds budget);
    io::SpawnGate spawn_gate();
    io::Awaitable<std::optional<io::HttpReply>> pass_spawn_gate();
    [[nodiscard]] std::optional<io::HttpReply> spawn_refusal() const;
    io::Awaitable<io::HttpReply> answer_prepare(io::HttpRequest request);
    io::Awaitable<io::HttpReply> answer_resume(io::HttpRequest request);
    // agent_workload.cpp
    WorkloadHooks workload_hooks();
    void begin_workload();
    void workload_over();
    void announce_ready();
    io::Awaitable<> wait_for_gate();
    io::Awaitable<io::HttpReply> answer_workload(io::HttpRequest request,
                                                 bool (WorkloadService::*ask)());
    // agent_boot.cpp
    [[nodiscard]] bool waits_for_boot() const;
    void wait_for_boot();
    void take_boot_document(const std::string& document, const std::string& source);
    io::Awaitable<> read_boot_from_mmds();
    // agent_sessions.cpp
    std::vector<exec::ListedSession> other_sessions();
    exec::ListedSession main_session();
    [[nodiscard]] proto::SessionDocument main_document() const;
    // agent_vmm.cpp
    void open_vmm_notifier();
    void tell_vmm_generation(std::string words);
    // agent_ending.cpp
    void on_signal(int number);
    void on_vm_signal(int number);
    void end(Ending ending, std::string_view why);
    void end_at_once(Ending ending, std::string_view why);
    void arm_last_resort(Ending ending);
    std::chrono::milliseconds stage_budget(proto::ShutdownStage stage) const;
    void tell_overrun(proto::ShutdownStage stage, std::chrono::milliseconds deadline,
                      const std::string& left);
    io::Awaitable<> finish();
    io::Awaitable<> stop_workload();
    io::Awaitable<> stop_execs();
    io::Awaitable<bool> wait_while(std::function<bool()> busy, std::chrono::milliseconds deadline);
    io::Awaitable<> flush();
    io::Awaitable<> flush_host(std::chrono::milliseconds budget,
                               std::chrono::steady_clock::time_point end);
    [[nodiscard]] bool host_is_there() const;
    // agent_shutdown.cpp
    io::Awaitable<io::HttpReply> answer_shutdown(io::HttpRequest request);
    io::Awaitable<> end_as_asked(std::uint64_t connection, bool now);
    // agent_routes.cpp
    void make_routes();
    void make_inspection_routes();
    [[nodiscard]] boost::json::object index() const;
    // agent_events.cpp
    enum class Audience { guest, host };
    void record(Audience audience, std::string_view type, boost::json::object body);
    void say_event(std::string_view type, const boost::json::object& body);
    void record_orphans();
    void record_device(const boot::Step& step);
    void record_refusal(const std::string& peer, const std::string& why);
    // agent_status.cpp
    [[nodiscard]] boost::json::object status() const;
    [[nodiscard]] boost::json::array relays() const;
    // agent_inspect.cpp
    [[nodiscard]] boost::json::object inspect(std::string_view topic) const;
    [[nodiscard]] std::string metrics() const;
    [[nodiscard]] boost::json::object conns() const;
    [[nodiscard]] boost::json::object children() const;
    [[nodiscard]] boost::json::object epochs() const;

    AgentOptions options_;
    Log& log_;
    std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
    Loop context_;
    io::TaskGroup tasks_;
    io::TaskGroup connections_; ///< of the exec port; its size is what the limit counts
    io::ConnectionRegistry registry_;
    io::ConnectionRegistry local_registry_; ///< debug connections: no restore touches them
    sys::BlockingCalls blocking_calls_;
    io::Blocking blocking_;
    supervise::Reaper reaper_;
    supervise::Cgroups cgroups_;
    supervise::Spawner spawner_;
    io::HttpRoutes routes_;
    io::HttpRoutes debug_routes_;
    io::HttpServer http_;
    io::HttpServer debug_http_;
    debug::EventService events_;
    debug::EventLimit refusals_{std::chrono::seconds(1)};
    io::MemoryBudget memory_{proto::limits::retention_total};
    output::OutputService output_;
    restore::RestoreService restore_;
    std::vector<std::unique_ptr<restore::Trigger>> triggers_;
    supervise::CgroupFreezer freezer_;
    boot::HotplugWatch hotplug_;
    restore::FilesystemFreezer filesystem_freezer_;
    restore::HookRunner hooks_;
    restore::PrepareService prepare_;
    exec::Sessions sessions_;
    exec::ExecService exec_;
    files::FilesService files_;
    exec::SessionService session_routes_;
    exec::ForwardService forward_;
    WorkloadService workload_;
    WorkloadClients workload_clients_;
    bool workload_begun_ = false;
    bool said_ready_ = false;
    workload::VmmNotifier vmm_;
    SignalSource signals_;
    std::optional<io::Listener> listener_;
    std::optional<io::Listener> debug_listener_;
    std::optional<Ending> asked_ending_; ///< by the host, which may not have its answer yet
    std::optional<Ending> ending_;
    bool at_once_ = false;
    std::optional<boot::ShutdownStages> stages_; ///< since the shutdown began
    std::uint64_t recorded_orphans_ = 0;
    std::chrono::steady_clock::time_point orphans_recorded_; ///< when
};

} // namespace rouse
