#pragma once
// What `rousectl exec` was asked for on its command line.

#include "proto/exec.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace rouse::ctl {

/// As written; to_request() understands it.
struct ExecOptions {
    std::vector<std::string> argv;
    std::vector<std::string> env;
    std::vector<std::string> env_files;
    std::string cwd;
    std::string user;
    bool interactive = false;
    bool tty = false;
    bool detach = false;
    bool as_json = false;
    std::string id;
    std::string timeout;
    std::string kill_grace;
    std::string on_disconnect = "kill";
    std::string reattach_grace;
    std::string detach_keys = "ctrl-p,ctrl-q";
    // Attributes of the process.
    std::vector<std::string> groups;
    std::vector<std::string> ulimits;
    std::string memory;
    std::optional<std::uint64_t> pids;
    std::string cpus;
    std::vector<std::string> cap_drop;
    std::vector<std::string> cap_add;
    bool no_new_privs = false;
    std::string umask;
    std::int64_t oom_score_adj = 0;
};

/// Registers the options with `command`. Borrows `options`.
void add_exec_options(CLI::App& command, ExecOptions& options);

/// The request that the options ask for. Throws std::runtime_error that names what is malformed.
proto::ExecRequest to_request(const ExecOptions& options);

} // namespace rouse::ctl
