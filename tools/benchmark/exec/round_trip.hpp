#pragma once
// One way to run a short command and learn its end: how long it takes.

#include "tools/lab/process.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace rouse::bench {

/// What several candidates are measured by, in turns.
struct Candidate {
    std::string name;
    std::function<void()> run; ///< the command, from its request to its end. Throws when it fails
};

/// Microseconds of each run: `rounds` turns, after a few that do not count.
[[nodiscard]] std::vector<std::vector<double>>
time_candidates(const std::vector<Candidate>& candidates, unsigned rounds);

/// posix_spawn(3) and waitpid(2) of the program, nothing else.
/// Errors: std::runtime_error.
void spawn_and_wait(const std::vector<std::string>& argv);

/// `POST /v1/exec` over a connection that stays.
class AgentCaller {
public:
    /// A new connection to the exec port, blocking. Throws when there is none.
    using Connect = std::function<lab::Descriptor()>;

    explicit AgentCaller(Connect connect);

    /// The connection used last, or a new one. Errors: std::runtime_error for any answer other than
    /// the exit code 0.
    void run_kept();
    void run_fresh();

private:
    void exchange(int connection, bool keep);

    Connect connect_;
    lab::Descriptor kept_;
};

/// Connects to a Unix socket, blocking; waits for whoever listens there. Errors: std::runtime_error
/// after 10 s.
[[nodiscard]] lab::Descriptor connect_blocking(const std::filesystem::path& socket);

/// Waits for the end of a connection: all that `socat …,fork EXEC:…` says of its command's.
void read_to_end(const lab::Descriptor& connection);

} // namespace rouse::bench
