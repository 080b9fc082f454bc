#pragma once
// Listens for the guests of many targets and hands their connections to their collectors.

#include "tools/host/collector.hpp"
#include "tools/host/directory_lock.hpp"
#include "tools/host/listener.hpp"
#include "tools/host/socket_directory.hpp"
#include "tools/host/tasks.hpp"

#include <list>
#include <memory>
#include <vector>

namespace rouse::host {

class CollectorServer {
public:
    /// Which connections are served.
    struct Ports {
        std::uint32_t link = 4001; ///< 0: none
        std::uint32_t output = 4002;
    };

    /// How targets are listened for and reached; tests put something else in the place of AF_VSOCK.
    struct Ways {
        std::function<Outcome<Listener>(const Executor&, const Target&, std::uint32_t port)>
            listen = [](const Executor& executor, const Target& target, std::uint32_t port) {
                return Listener::open(executor, target, port);
            };
        /// The target that is dialled for a probe.
        std::function<Target(const Target&)> reach = [](const Target& target) { return target; };
    };

    CollectorServer(const Executor& executor, Ports ports)
        : CollectorServer(executor, ports, Ways()) {}
    CollectorServer(const Executor& executor, Ports ports, Ways ways);

    /// Listens for a target. Fails when it cannot, when two targets have one CID or one name, and
    /// when another collector writes into its directory.
    Outcome<> add(const Target& target, CollectorOptions options);

    /// Listens for every CID on AF_VSOCK that is no target; each gets a collector named after it.
    /// `options` are those of all of them, without a name.
    Outcome<> add_any_cid(CollectorOptions options);

    /// Listens for every hybrid socket in a directory, now and as they come and go.
    Outcome<> add_directory(const std::filesystem::path& directory, CollectorOptions options);

    /// Serves until stop() was called and every session has ended.
    Awaitable<> run();
    /// With `once` in mind: calls stop() as soon as the work of every guest is finished.
    void stop_when_finished();
    /// Closes every connection; what was received is written. Gives up on what takes too long.
    void stop();

    /// Told what a person should know, in one line.
    void on_notice(std::function<void(const std::string&)> call) { on_notice_ = std::move(call); }

    /// The names of the machines that are served.
    [[nodiscard]] std::set<std::string> names() const { return names_; }

private:
    enum class Role { link, output };
    struct Machine;
    /// A listener and whom it serves: one machine, or on AF_VSOCK one for each CID.
    struct Door {
        Door(Listener where, Role what, Machine* whom)
            : listener(std::move(where)), role(what), only(whom) {}
        Listener listener;
        Role role;
        Machine* only;
        bool open = true;
    };
    struct Watch;
    struct Machine {
        Machine(const Executor& executor, const Target& where, CollectorOptions options, Disk& disk,
                DirectoryLock mine)
            : name(options.name), lock(std::move(mine)), target(where),
              collector(executor, where, std::move(options), disk) {}
        std::string name;
        DirectoryLock lock; ///< of its directory, where there is one
        Target target;
        Collector collector;
        const Watch* found_by = nullptr; ///< the directory in which its socket was found
        bool gone = false;               ///< the socket is not there any more
    };
    struct Watch {
        Watch(SocketDirectory where, CollectorOptions what)
            : directory(std::move(where)), options(std::move(what)) {}
        SocketDirectory directory;
        CollectorOptions options;
        std::set<std::string> refused; ///< sockets that could not be served, said once
    };

    Outcome<Machine*> make_machine(const Target& target, CollectorOptions options);
    Outcome<> open(const Target& target, Machine* machine);
    Outcome<> open_vsock();
    void start(Door& door);
    Awaitable<> serve(Door& door);
    Awaitable<> session(Role role, Machine& machine, Socket socket);
    Machine* machine_of(const Door& door, const Listener::Accepted& accepted);
    Awaitable<> follow(Watch& watch);
    void rescan(Watch& watch);
    /// Serves a socket that has appeared, or has come back.
    Outcome<> appear(Watch& watch, const std::string& path);
    /// Forgets machines whose socket is gone, once their last connection has ended.
    void forget_gone();
    void notice(const std::string& line) const;

    Executor executor_;
    Ports ports_;
    Ways ways_;
    std::function<void(const std::string&)> on_notice_;
    std::function<void()> on_progress_;
    Disk disk_;
    std::list<Machine> machines_;
    std::map<std::uint32_t, Machine*> by_cid_;
    std::optional<CollectorOptions> any_cid_;
    std::shared_ptr<SharedPipe> pipe_; ///< where records go, if not into files
    bool vsock_open_ = false;
    std::set<std::string> names_;
    std::list<Door> doors_;
    std::list<Watch> watches_;
    Tasks tasks_;
    Timer patience_; ///< of stop()
    bool running_ = false;
    bool stopping_ = false;
};

} // namespace rouse::host
