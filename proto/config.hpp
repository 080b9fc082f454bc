#pragma once
// The agent's configuration: `/etc/rouse/config.json`, then `rouse.*` keys of the kernel command
// line, which win.

#include "proto/exec.hpp"
#include "proto/guest_config.hpp"
#include "proto/limits.hpp"
#include "proto/shutdown_config.hpp"
#include "proto/storage_config.hpp"
#include "proto/workload_config.hpp"

namespace rouse::proto {

enum class OnExit { poweroff, reboot, stay };
enum class PowerMethod { automatic, poweroff, reboot };

/// What happens to a stream's bytes that no host takes in time.
enum class OutputPolicy { drop, block };
/// How large frames leave the guest.
enum class OutputSend { automatic, splice, copy };
/// Whether the console shows what no host takes.
enum class OutputConsole { off, fallback };

/// Where the last word about the workload comes from, but for the kernel command line.
enum class BootSource {
    file, ///< /etc/rouse
    link, ///< the host's answer on the link, or a document of POST /v1/restore: waited for
    mmds, ///< the metadata service: waited for
};

std::string_view name(OnExit on_exit);
std::string_view name(PowerMethod method);

struct Ports {
    std::uint32_t exec = 1001;   ///< guest listens
    std::uint32_t link = 4001;   ///< host listens
    std::uint32_t output = 4002; ///< host listens

    friend bool operator==(const Ports&, const Ports&) = default;
};

struct OutputConfig {
    OutputPolicy stdout_policy = OutputPolicy::drop;
    OutputPolicy stderr_policy = OutputPolicy::drop;
    OutputSend send = OutputSend::automatic;
    OutputConsole console = OutputConsole::off;

    friend bool operator==(const OutputConfig&, const OutputConfig&) = default;
};

/// How the metadata service of Firecracker is spoken to.
enum class MmdsVersion { automatic, v1, v2 };

std::string_view name(MmdsVersion version);

/// Where the host leaves restore documents for guests that nobody dials.
struct MmdsConfig {
    bool enabled = false;
    std::string address = "169.254.169.254"; ///< IPv4, or IPv6 without brackets
    std::uint32_t port = 80;
    std::string path = "/rouse/restore"; ///< of the document
    std::chrono::milliseconds poll = limits::mmds_poll;
    MmdsVersion version = MmdsVersion::automatic;

    friend bool operator==(const MmdsConfig&, const MmdsConfig&) = default;
};

struct RestoreConfig {
    MmdsConfig mmds;

    friend bool operator==(const RestoreConfig&, const RestoreConfig&) = default;
};

/// Programs that are run around a snapshot, as root; an empty one is not run. The environment is
/// that of a workload of root, and ROUSE_HOOK (the member's name), ROUSE_KIND (why it is run),
/// ROUSE_GENERATION and ROUSE_PARENT_GENERATION.
struct HooksConfig {
    std::vector<std::string> prepare;  ///< before the payload is frozen
    std::vector<std::string> resume;   ///< after it was thawed again in the same VM
    std::vector<std::string> restored; ///< in a restored VM, when everything works again
    std::chrono::milliseconds timeout = limits::hook; ///< after which one is killed with all it has

    friend bool operator==(const HooksConfig&, const HooksConfig&) = default;
};

struct Config {
    Command workload;           ///< empty argv: no workload, the VM is a sandbox that serves exec
    WorkloadConfig supervision; ///< how it lives
    OnExit on_exit = OnExit::poweroff;
    BootSource boot = BootSource::file;
    PowerMethod power = PowerMethod::automatic;
    std::string hostname;
    Ports ports;
    OutputConfig output;
    RestoreConfig restore;
    HooksConfig hooks;
    GuestConfig guest;
    RootConfig root;
    std::vector<VolumeConfig> volumes;
    std::vector<SwapConfig> swap;
    std::chrono::milliseconds stop_grace = limits::kill_grace;
    ShutdownConfig shutdown;
    std::chrono::milliseconds write_timeout = limits::write_timeout;
    std::chrono::milliseconds confirm_deadline = limits::confirm;
    std::string token_file;    ///< of the bearer token that requests must show; empty: none needed
    bool require_probe = true; ///< output connects only after the host proved exec

    friend bool operator==(const Config&, const Config&) = default;
};

/// What was read, and what was wrong with it. With errors, `config` holds the members that were
/// right; whether to use them is the caller's decision.
struct ReadConfig {
    Config config;
    Problems problems;
};

/// Reads the JSON text on top of `base`: what it says wins, and variables of the workload's
/// environment are added to those of `base`. `known`, where given, gets the paths of all members
/// that may be there, in the objects that are.
ReadConfig read_config(std::string_view text, Config base = {},
                       std::vector<std::string>* known = nullptr);

/// Reads a boot document, which comes when the agent runs already, on top of `base`: as
/// read_config(), but what is settled by then is an error. It may say `workload`, `restart`,
/// `ready`, `stop_signal`, `stop_grace_ms`, `on_exit` and `exit_report`.
ReadConfig read_boot_document(std::string_view text, Config base);

/// Reads the `rouse.*` keys of a kernel command line on top of `base`; everything else on it is the
/// kernel's and is left alone. Errors and unknown keys carry the key as their place.
ReadConfig read_kernel_command_line(std::string_view line, Config base = {});

} // namespace rouse::proto
