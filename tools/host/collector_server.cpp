#include "tools/host/collector_server.hpp"

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace rouse::host {
namespace {

using namespace std::chrono_literals;

/// How long stop() waits for sessions to write what they have.
constexpr auto stop_limit = 2s;
/// Machines that are known by their CID only.
constexpr std::size_t most_machines = 4096;

} // namespace

CollectorServer::CollectorServer(const Executor& executor, Ports ports, Ways ways)
    : executor_(executor), ports_(ports), ways_(std::move(ways)),
      tasks_(executor, [this](const std::string& what) { notice(what); }), patience_(executor) {}

void CollectorServer::notice(const std::string& line) const {
    if (on_notice_) on_notice_(line);
}

Outcome<CollectorServer::Machine*> CollectorServer::make_machine(const Target& target,
                                                                 CollectorOptions options) {
    if (options.name.empty() || options.name.front() == '.' ||
        options.name.find('/') != std::string::npos)
        return Failure(fmt::format("'{}' cannot be the name of a directory", options.name));
    if (names_.contains(options.name))
        return Failure(fmt::format("two targets are named '{}': give each a --name", options.name));
    if (target.kind == Target::Kind::vsock && by_cid_.contains(target.cid))
        return Failure(fmt::format("'{}' was given twice", target.text()));
    DirectoryLock lock;
    if (!options.pipe) {
        auto taken = DirectoryLock::take(options.output / options.name);
        if (!taken) return taken.error();
        lock = std::move(*taken);
    }
    names_.insert(options.name);
    pipe_ = options.pipe;
    options.on_notice = [this](const std::string& line) { notice(line); };
    Machine& machine = machines_.emplace_back(executor_, ways_.reach(target), std::move(options),
                                              disk_, std::move(lock));
    if (target.kind == Target::Kind::vsock) by_cid_[target.cid] = &machine;
    if (on_progress_) machine.collector.on_progress(on_progress_);
    return &machine;
}

Outcome<> CollectorServer::add(const Target& target, CollectorOptions options) {
    auto machine = make_machine(target, std::move(options));
    if (!machine) return machine.error();
    return target.kind == Target::Kind::vsock ? open_vsock() : open(target, *machine);
}

Outcome<> CollectorServer::add_any_cid(CollectorOptions options) {
    any_cid_ = std::move(options);
    return open_vsock();
}

Outcome<> CollectorServer::add_directory(const std::filesystem::path& directory,
                                         CollectorOptions options) {
    auto opened = SocketDirectory::open(executor_, directory);
    if (!opened) return opened.error();
    Watch& watch = watches_.emplace_back(std::move(*opened), std::move(options));
    rescan(watch);
    return {};
}

Outcome<> CollectorServer::open_vsock() {
    // Every guest dials the same ports of the host; who it is, its CID says.
    if (std::exchange(vsock_open_, true)) return {};
    return open(Target{.kind = Target::Kind::vsock, .cid = 0, .exec_port = 0, .path = {}}, nullptr);
}

Outcome<> CollectorServer::open(const Target& target, Machine* machine) {
    for (const auto& [role, port] :
         {std::pair(Role::link, ports_.link), std::pair(Role::output, ports_.output)}) {
        if (port == 0) continue;
        auto listener = ways_.listen(executor_, target, port);
        if (!listener) return listener.error();
        start(doors_.emplace_back(std::move(*listener), role, machine));
    }
    return {};
}

void CollectorServer::start(Door& door) {
    if (running_) tasks_.spawn(serve(door));
}

Awaitable<> CollectorServer::run() {
    if (stopping_) co_return;
    running_ = true;
    for (Door& door : doors_)
        tasks_.spawn(serve(door));
    for (Watch& watch : watches_)
        tasks_.spawn(follow(watch));
    co_await tasks_.join();
    patience_.cancel();
}

Awaitable<> CollectorServer::serve(Door& door) {
    for (;;) {
        auto accepted = co_await door.listener.accept();
        if (!accepted) break;
        Machine* const machine = machine_of(door, *accepted);
        if (machine != nullptr)
            tasks_.spawn(session(door.role, *machine, std::move(accepted->socket)));
        else
            notice(fmt::format("refused a connection from CID {}, which is no target",
                               accepted->cid.value_or(0)));
    }
    door.open = false;
    if (!stopping_) asio::post(executor_, [this] { forget_gone(); });
}

Awaitable<> CollectorServer::session(Role role, Machine& machine, Socket socket) {
    if (role == Role::link)
        co_await machine.collector.serve_link(std::move(socket));
    else
        co_await machine.collector.serve_output(std::move(socket));
    if (machine.gone) asio::post(executor_, [this] { forget_gone(); });
}

CollectorServer::Machine* CollectorServer::machine_of(const Door& door,
                                                      const Listener::Accepted& accepted) {
    if (door.only != nullptr) return door.only;
    if (!accepted.cid) return nullptr;
    const auto found = by_cid_.find(*accepted.cid);
    if (found != by_cid_.end()) return found->second;
    // Nobody in a guest can choose its CID, so there are not more of them than machines.
    if (!any_cid_ || by_cid_.size() >= most_machines) return nullptr;
    Target target;
    target.kind = Target::Kind::vsock;
    target.cid = *accepted.cid;
    CollectorOptions options = *any_cid_;
    options.name = target.short_name();
    auto machine = make_machine(target, std::move(options));
    if (!machine) notice(machine.error().message);
    return machine ? *machine : nullptr;
}

Awaitable<> CollectorServer::follow(Watch& watch) {
    // GCC 12 loses its way where the condition of a do-while awaits.
    for (bool there = true; there;) {
        rescan(watch);
        there = co_await watch.directory.changed();
    }
    if (!stopping_) notice("a directory of sockets is gone and not watched any more");
}

void CollectorServer::rescan(Watch& watch) {
    const std::vector<std::string> present = watch.directory.sockets();
    const auto here = [&](const std::string& path) {
        return std::find(present.begin(), present.end(), path) != present.end();
    };
    for (Machine& machine : machines_) {
        if (machine.found_by != &watch || machine.gone || here(machine.target.path)) continue;
        machine.gone = true;
        for (Door& door : doors_)
            if (door.only == &machine) door.listener.close();
    }
    forget_gone();
    std::erase_if(watch.refused, [&](const std::string& path) { return !here(path); });
    for (const std::string& path : present) {
        if (watch.refused.contains(path)) continue;
        const Outcome<> served = appear(watch, path);
        if (served) continue;
        notice(served.error().message);
        watch.refused.insert(path);
    }
}

Outcome<> CollectorServer::appear(Watch& watch, const std::string& path) {
    const auto known = std::find_if(machines_.begin(), machines_.end(), [&](const Machine& one) {
        return one.found_by == &watch && one.target.path == path;
    });
    if (known != machines_.end())
        return std::exchange(known->gone, false) ? open(known->target, &*known) : Outcome<>();
    const auto target = parse_target("unix:" + path);
    if (!target) return target.error();
    CollectorOptions options = watch.options;
    options.name = target->short_name();
    auto machine = make_machine(*target, std::move(options));
    if (!machine) return machine.error();
    (*machine)->found_by = &watch;
    return open(*target, *machine);
}

void CollectorServer::forget_gone() {
    doors_.remove_if([](const Door& door) { return !door.open; });
    const auto left = [&](const Machine& machine) {
        return machine.gone && machine.collector.sessions() == 0 &&
               std::none_of(doors_.begin(), doors_.end(),
                            [&](const Door& door) { return door.only == &machine; });
    };
    for (const Machine& machine : machines_)
        if (left(machine)) names_.erase(machine.name);
    machines_.remove_if([&](const Machine& machine) { return left(machine); });
}

void CollectorServer::stop_when_finished() {
    on_progress_ = [this] {
        const bool all = std::all_of(machines_.begin(), machines_.end(),
                                     [](const Machine& one) { return one.collector.finished(); });
        // Posted: a session that tells its progress is in the middle of something.
        if (all) asio::post(executor_, [this] { stop(); });
    };
    for (Machine& machine : machines_)
        machine.collector.on_progress(on_progress_);
}

void CollectorServer::stop() {
    if (std::exchange(stopping_, true)) return;
    for (Door& door : doors_)
        door.listener.close();
    for (Watch& watch : watches_)
        watch.directory.close();
    for (Machine& machine : machines_)
        machine.collector.stop();
    patience_.expires_after(stop_limit);
    patience_.async_wait([this](error_code error) {
        if (error) return;
        if (pipe_) pipe_->stop();
        tasks_.cancel();
    });
}

} // namespace rouse::host
