#include "agent/agent.hpp"

#include "agent/io/http_reply.hpp"
#include "agent/sys/clock.hpp"
#include "agent/sys/machine.hpp"
#include "agent/sys/signals.hpp"

#include <fmt/format.h>

#include <csignal>

#include <unistd.h>

namespace rouse {

namespace {

/// What PID 1 listens to, besides SIGCHLD (systemd(1), SIGNALS).
std::vector<int> vm_signals() {
    return {SIGCHLD,      SIGTERM,      SIGINT,        SIGPWR,        SIGHUP,       SIGRTMIN + 3,
            SIGRTMIN + 4, SIGRTMIN + 5, SIGRTMIN + 13, SIGRTMIN + 14, SIGRTMIN + 15};
}

/// What `rouse run` passes on to its command: all that can be, and SIGCHLD, which is its own.
std::vector<int> run_signals() {
    const sigset_t set = sys::all_but_faults();
    std::vector<int> numbers;
    for (int number = 1; number <= SIGRTMAX; ++number)
        if (number != SIGKILL && number != SIGSTOP && ::sigismember(&set, number) == 1)
            numbers.push_back(number);
    return numbers;
}

/// With no memory left there may be none for the report either.
template <typename... Parts>
void say_escape(Log& log, fmt::format_string<const Parts&...> text,
                const Parts&... parts) noexcept {
    try {
        log.error(fmt::format(text, parts...));
    } catch (const std::exception&) {
        return;
    }
}

io::TaskGroup::OnEscape report_escape(Log& log) {
    return [&log](const std::string& task, const std::string& what) {
        say_escape(log, "task '{}' ended by an exception: {}; the agent goes on", task, what);
    };
}

/// For who connects when all connections that there may be are open.
io::HttpReply too_many_connections() {
    io::HttpReply reply = io::HttpReply::retry_later(
        "busy", fmt::format("{} connections are open", proto::limits::connections));
    reply.close = true;
    return reply;
}

output::DropPolicy policy(proto::OutputPolicy policy) {
    return policy == proto::OutputPolicy::block ? output::DropPolicy::block
                                                : output::DropPolicy::drop;
}

output::SendPath send_path(proto::OutputSend send) {
    if (send == proto::OutputSend::automatic)
        return output::suitable_send_path(sys::kernel_release());
    return send == proto::OutputSend::copy ? output::SendPath::copy : output::SendPath::splice;
}

output::OutputOptions output_options(const AgentOptions& options) {
    output::OutputOptions output;
    output.host = options.output_address;
    output.book.write_timeout = options.config.write_timeout;
    const proto::OutputConfig& config = options.config.output;
    output.stdout_policy = policy(config.stdout_policy);
    output.stderr_policy = policy(config.stderr_policy);
    output.send = send_path(config.send);
    output.console = config.console == proto::OutputConsole::fallback;
    return output;
}

restore::RestoreOptions restore_options(const AgentOptions& options) {
    restore::RestoreOptions restore;
    restore.host_link = options.link_address;
    restore.exec_port = options.config.ports.exec;
    restore.confirm_deadline = options.config.confirm_deadline;
    restore.require_probe = options.config.require_probe;
    restore.apply_to_kernel = options.is_vm;
    return restore;
}

supervise::BlockingAccess blocking_access(io::Blocking& blocking) {
    return {.run =
                [&blocking](std::string name, std::chrono::milliseconds deadline,
                            std::function<void()> call) {
                    return blocking.run(std::move(name), deadline, std::move(call));
                },
            .post = [&blocking](std::function<void()> call) { blocking.post(std::move(call)); }};
}

} // namespace

Agent::Agent(AgentOptions options, Log& log)
    : options_(std::move(options)), log_(log), tasks_(context_.get_executor(), report_escape(log)),
      connections_(context_.get_executor(), report_escape(log)),
      blocking_(context_.get_executor(), blocking_calls_,
                [this](const std::string& name) {
                    log_.warn(
                        fmt::format("the kernel has not returned from: {}; giving it up", name));
                    record(Audience::guest, "call_given_up", {{"call", name}});
                }),
      cgroups_(context_.get_executor(), blocking_access(blocking_)),
      spawner_(reaper_, context_.get_executor(), &cgroups_), http_(routes_, registry_),
      debug_http_(debug_routes_, local_registry_),
      events_(context_.get_executor(), [this] { return restore_.identity().epoch; }),
      output_(context_.get_executor(), tasks_, registry_, memory_, output_options(options_),
              {.warn = [this](const std::string& line) { log_.warn(line); },
               .event =
                   [this](const std::string& type, boost::json::object body) {
                       record(Audience::host, type, std::move(body));
                   },
               .console = [this](std::string_view bytes) { return log_.pass(bytes); }}),
      restore_(context_.get_executor(), tasks_, registry_, restore_options(options_),
               restore_hooks()),
      triggers_(
          restore::make_triggers(context_.get_executor(),
                                 {.is_vm = options_.is_vm, .mmds = options_.config.restore.mmds})),
      freezer_(context_.get_executor(), blocking_access(blocking_), cgroups_),
      hotplug_(context_.get_executor(), blocking_, options_.config.guest, options_.late_interfaces,
               [this](const boot::Step& step) { record_device(step); }),
      filesystem_freezer_(blocking_),
      hooks_(spawner_, context_.get_executor(), options_.config.hooks),
      prepare_(context_.get_executor(), tasks_, registry_, prepare_options(), prepare_hands()),
      sessions_(
          spawner_, context_.get_executor(), memory_,
          [this](std::string_view type, boost::json::object body) {
              record(Audience::guest, type, std::move(body));
          },
          report_escape(log)),
      exec_(sessions_, spawn_gate()),
      files_(spawner_, tasks_, spawn_gate(),
             [this](std::string_view type, boost::json::object body) {
                 record(Audience::guest, type, std::move(body));
             }),
      session_routes_(sessions_, [this] { return other_sessions(); }),
      workload_(
          context_.get_executor(),
          {.spawner = spawner_, .tasks = tasks_, .output = options_.has_host ? &output_ : nullptr},
          options_.config, workload_hooks()),
      vmm_(context_.get_executor(), tasks_, [this](const std::string& line) { log_.warn(line); }),
      signals_(context_.get_executor(), options_.is_vm ? vm_signals() : run_signals()) {
    http_.require_token(options_.token);
    make_routes();
    make_inspection_routes();
    log_.set_observer([this](std::string_view level, std::string_view message) {
        record(Audience::guest, "log", {{"level", level}, {"message", message}});
    });
}

Agent::~Agent() {
    log_.set_observer({});
    context_.drop_tasks();
}

void Agent::listen() {
    listener_.emplace(context_.get_executor(), options_.exec_address);
    listener_->set_on_accept([this](io::Socket socket) {
        output_.nudge(); // A host that asks for something may have come back.
        connections_.spawn("http connection", http_.serve(std::move(socket)));
    });
    listener_->set_on_refuse(
        [this](const std::string& peer, const std::string& why) { record_refusal(peer, why); });
    listener_->set_limit(
        proto::limits::connections, [this] { return connections_.size(); },
        io::to_wire(too_many_connections()));
    if (const sys::Result<> opened = listener_->open(); !opened)
        return log_.error(fmt::format("cannot serve exec on {}: {}",
                                      io::to_text(options_.exec_address),
                                      opened.error().message()));
    tasks_.keep("listener", [this] { return listener_->run(); });
}

void Agent::open_debug_socket() {
    if (options_.debug_socket.empty()) return;
    const io::Address address = io::UnixAddress{options_.debug_socket};
    debug_listener_.emplace(context_.get_executor(), address);
    debug_listener_->set_on_accept([this](io::Socket socket) {
        tasks_.spawn("debug connection", debug_http_.serve(std::move(socket)));
    });
    if (const sys::Result<> opened = debug_listener_->open(); !opened)
        return log_.warn(fmt::format("no `rouse debug` in this guest: cannot listen on {}: {}",
                                     io::to_text(address), opened.error().message()));
    tasks_.keep("debug listener", [this] { return debug_listener_->run(); });
}

void Agent::begin() {
    tasks_.keep("signals",
                [this] { return signals_.deliver([this](int number) { on_signal(number); }); });
    // A child that ended before the signal descriptor existed left no signal behind.
    reaper_.reap();
    record(Audience::guest, "agent_started", {{"version", ROUSE_VERSION}, {"pid", ::getpid()}});
    open_cgroups();
    open_debug_socket();
    if (options_.has_host) {
        listen();
        restore_.begin();
        watch_triggers();
    }
    if (options_.is_vm) tasks_.keep("hotplug", [this] { return hotplug_.run(); });
    open_vmm_notifier();
    begin_workload();
}

Agent::Ending Agent::run() {
    options_.timeline.agent = sys::since_boot();
    begin();
    // From here on the agent must not die: what a handler throws ends that handler only.
    while (!context_.stopped()) {
        try {
            context_.run();
        } catch (const std::exception& escaped) {
            say_escape(log_, "escaped exception: {}; the agent goes on",
                       std::string_view(escaped.what()));
        }
    }
    return ending_.value_or(Ending::poweroff);
}

} // namespace rouse
