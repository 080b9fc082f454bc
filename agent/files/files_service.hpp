#pragma once
// `GET` and `PUT /v1/files`: files of the guest as a tar stream. The work is done by an applet, a
// process of our own binary that runs as the user who is meant; the agent moves bytes.

#include "agent/files/applet.hpp"
#include "agent/files/files_command.hpp"
#include "agent/io/spawn_gate.hpp"
#include "agent/io/task_group.hpp"
#include "agent/supervise/spawner.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace rouse::files {

/// Told what becomes of requests: "files_started" {number, verb, path, user, pid} and, once the
/// process is gone, "files_ended" {number, pid, warnings, error}; the error is missing when it went
/// well. Called from the loop, must not block.
using OnFilesEvent = std::function<void(std::string_view type, boost::json::object body)>;

struct FilesCounters {
    std::uint64_t running = 0;       ///< requests whose applet is alive, or about to be
    std::uint64_t started_total = 0; ///< applets that came to be
    std::uint64_t failed_total = 0;  ///< requests that did not do all that they should
};

struct FilesOptions {
    /// What is run with the applet's words. In the child it is the agent's own binary, also when
    /// that has no name any more.
    std::string program = "/proc/self/exe";
};

class FilesService {
public:
    /// Borrows spawner and tasks, which outlive every request. `on_event` may be empty.
    FilesService(supervise::Spawner& spawner, io::TaskGroup& tasks, io::SpawnGate gate,
                 OnFilesEvent on_event = {}, FilesOptions options = {});
    FilesService(const FilesService&) = delete;
    FilesService& operator=(const FilesService&) = delete;
    FilesService(FilesService&&) = delete;
    FilesService& operator=(FilesService&&) = delete;
    ~FilesService() = default;

    /// Ready for the table of routes. Borrow the service.
    [[nodiscard]] io::HttpRoute get_route();
    [[nodiscard]] io::HttpRoute put_route();

    [[nodiscard]] const FilesCounters& counters() const { return counters_; }
    /// Those that run, or are about to, oldest first: sessions of the names `files-1` and so on.
    [[nodiscard]] std::vector<std::shared_ptr<Applet>> running() const;

private:
    using Started = std::variant<io::HttpReply, std::shared_ptr<AppletUse>>;

    io::Awaitable<io::HttpReply> get(io::HttpRequest request);
    io::Awaitable<io::HttpReply> put(io::HttpRequest request, const io::HttpSource& body);
    /// Starts the applet; or the answer that says why it does not run.
    io::Awaitable<Started> start(io::HttpRequest request, FilesRequest::Verb verb);
    /// A place among the applets; it is given back when nobody holds it, with an event.
    std::shared_ptr<void> take_place(const std::shared_ptr<Applet>& applet, std::uint64_t number);
    void tell_start(const io::HttpRequest& request, FilesRequest::Verb verb, std::uint64_t number,
                    pid_t pid);
    void end(const Applet& applet, std::uint64_t number);

    supervise::Spawner& spawner_;
    io::TaskGroup& tasks_;
    io::SpawnGate gate_;
    OnFilesEvent on_event_;
    FilesOptions options_;
    FilesCounters counters_;
    std::uint64_t numbers_ = 0;
    std::map<std::uint64_t, std::weak_ptr<Applet>> running_; ///< by number
};

} // namespace rouse::files
