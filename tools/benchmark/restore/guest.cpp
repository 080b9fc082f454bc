#include "tools/benchmark/restore/guest.hpp"

#include "initramfs/file.hpp"
#include "tools/benchmark/question.hpp"
#include "tools/benchmark/relay/wire.hpp"
#include "tools/lab/directory.hpp"
#include "tools/lab/guest.hpp"
#include "tools/lab/machine.hpp"
#include "tools/lab/places.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <functional>
#include <sstream>
#include <stdexcept>

#include <sys/socket.h>

namespace rouse::bench {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;

constexpr const char* peer_path = "/bin/rouse-bench-peer";
constexpr unsigned control_port = 4010; // of the host: the workload's control connection
constexpr std::chrono::seconds limit{60};
constexpr std::chrono::milliseconds try_limit{500};

double milliseconds_since(Clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

/// Again and again at once, until it succeeds; milliseconds since `begin`.
double until(Clock::time_point begin, const std::function<bool()>& done) {
    const lab::Deadline deadline(limit);
    while (!done())
        if (deadline.expired()) throw std::runtime_error("a restored machine does not answer");
    return milliseconds_since(begin);
}

/// A machine that goes on at `went_on`.
struct Restored {
    lab::Machine machine;
    Clock::time_point went_on;
};

Restored restore(const std::filesystem::path& snapshot, const std::filesystem::path& collect) {
    Clock::time_point went_on;
    lab::RestoreOptions options;
    options.snapshot = snapshot;
    options.collect = collect;
    options.ready = lab::Ready::none;
    options.before_resume = [&](lab::Machine&) { went_on = Clock::now(); };
    lab::Machine machine = lab::Machine::restore(options);
    return {.machine = std::move(machine), .went_on = went_on};
}

bool echoes(const std::string& target) {
    const lab::Deadline deadline(try_limit);
    const auto socket = lab::connect_guest(target, lab::exec_port, deadline);
    char byte = 'x';
    return socket && send(socket->get(), &byte, 1, MSG_NOSIGNAL) == 1 &&
           wait_readable(socket->get(), deadline) && recv(socket->get(), &byte, 1, 0) == 1;
}

/// The events of the one machine that a collector served.
std::vector<json::object> events_in(const std::filesystem::path& collected) {
    std::vector<json::object> events;
    std::error_code none_yet;
    for (const auto& machine : std::filesystem::directory_iterator(collected, none_yet)) {
        if (!std::filesystem::exists(machine.path() / "events.jsonl")) continue;
        std::istringstream lines(initramfs::read_file(machine.path() / "events.jsonl"));
        for (std::string line; std::getline(lines, line) && !lines.eof();)
            events.push_back(json::parse(line).as_object());
    }
    return events;
}

std::size_t output_connections(const std::vector<json::object>& events) {
    std::size_t count = 0;
    for (const json::object& event : events)
        if (event.at("type") == "output_connected") ++count;
    return count;
}

proto::RestoreReport last_report(const std::vector<json::object>& events) {
    proto::RestoreReport report;
    for (const json::object& event : events)
        if (event.at("type") == "confirm")
            report = proto::parse_restore_report(event.at("report")).value();
    return report;
}

/// The guest's own workload listens for what we ask of it.
lab::MachineOptions agent_options(const std::string& kernel, lab::Rig rig) {
    lab::MachineOptions options;
    options.name = "bench";
    options.kernel = kernel;
    options.rig = rig;
    options.memory = 128;
    const json::object workload{
        {"argv", json::array{peer_path, "produce", fmt::format("vsock:{}", control_port)}}};
    options.config = json::serialize(json::object{{"workload", workload}, {"on_exit", "stay"}});
    options.files.push_back({.source = lab::build_product("tools/rouse-bench-peer"),
                             .destination = std::string(peer_path).substr(1),
                             .mode = 0755});
    return options;
}

void measure_restores(AgentGuestFigures& figures, const std::filesystem::path& snapshot,
                      const std::filesystem::path& folder, unsigned runs) {
    for (unsigned run = 0; run < runs; ++run) {
        const auto collected = folder / fmt::format("restored-{}", run);
        const Restored restored = restore(snapshot, collected);
        const std::string target = restored.machine.target();
        const auto answers = [&] {
            return lab::http_get_status(target, "/v1/ready", lab::Deadline(try_limit)) == 200;
        };
        figures.first_answer.push_back(until(restored.went_on, answers));
        figures.output.push_back(
            until(restored.went_on, [&] { return output_connections(events_in(collected)) >= 2; }));
        figures.slowest_exec.push_back(parallel_execs(target).back());
        figures.execs_again.push_back(parallel_execs(target).back());
        figures.last_restore = last_report(events_in(collected));
    }
}

} // namespace

AgentGuestFigures measure_agent_guest(const std::string& kernel, unsigned runs) {
    AgentGuestFigures figures;
    const lab::Directory directory = lab::Directory::temporary("bench");
    const auto& folder = directory.path();
    // What listens for the control connection is a Unix socket, so this rig, with KVM or without.
    auto options = agent_options(kernel, lab::Rig::tcg);
    options.collect = folder / "source";
    lab::Machine source = lab::Machine::boot(options);
    figures.rig = std::string(lab::rig_name(source.rig()));
    const lab::Descriptor listener =
        listen_at(fmt::format("{}_{}", source.files().vsock_socket().string(), control_port));
    const lab::Descriptor control = accept(listener, lab::Deadline(limit));
    const Subject subject(source.target(), control);
    subject.wait_linked();
    (void)subject.restore(); // what is done for the first time does not count
    for (unsigned run = 0; run < runs; ++run)
        figures.chains.push_back(subject.restore());
    for (unsigned run = 0; run < runs; ++run)
        figures.execs_before.push_back(parallel_execs(source.target()).back());
    (void)source.snapshot(folder / "saved");
    measure_restores(figures, folder / "saved", folder, runs);
    return figures;
}

std::vector<double> measure_echo_guest(const std::string& kernel, unsigned runs) {
    const lab::Directory directory = lab::Directory::temporary("bench");
    const auto saved = directory.path() / "saved";
    lab::MachineOptions options;
    options.name = "echo";
    options.kernel = kernel;
    options.rig = lab::Rig::tcg;
    options.memory = 128;
    options.agent = lab::build_product("tools/bare-echo");
    options.ready = lab::Ready::console;
    lab::Machine source = lab::Machine::boot(options);
    (void)until(Clock::now(), [&] { return echoes(source.target()); });
    (void)source.snapshot(saved, {.prepare = lab::Prepare::nobody});
    std::vector<double> times;
    for (unsigned run = 0; run < runs; ++run) {
        const Restored restored = restore(saved, {});
        const std::string target = restored.machine.target();
        times.push_back(until(restored.went_on, [&] { return echoes(target); }));
    }
    return times;
}

} // namespace rouse::bench
