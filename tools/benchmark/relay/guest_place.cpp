#include "tools/benchmark/relay/place.hpp"
#include "tools/lab/guest.hpp"
#include "tools/lab/places.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace rouse::bench {
namespace {

constexpr const char* peer_path = "/bin/rouse-bench-peer";
constexpr unsigned workload_port = 4010; ///< of the host: the workload's control connection

/// Where the vsock device looks for who listens on `port` of the host.
std::filesystem::path host_port(const lab::Machine& machine, unsigned port) {
    return fmt::format("{}_{}", machine.files().vsock_socket().string(), port);
}

lab::Machine boot(const std::string& kernel, const std::string& send) {
    lab::MachineOptions options;
    options.name = "bench";
    options.kernel = kernel;
    // In this rig what listens for the guest is a Unix socket, as in the native measurement.
    options.rig = lab::Rig::tcg;
    options.config =
        agent_config(send, {peer_path, "produce", fmt::format("vsock:{}", workload_port)});
    options.files.push_back({.source = lab::build_product("tools/rouse-bench-peer"),
                             .destination = std::string(peer_path + 1),
                             .mode = 0755});
    return lab::Machine::boot(options);
}

} // namespace

GuestPlace::GuestPlace(std::string kernel, const std::string& other) : kernel_(std::move(kernel)) {
    machines_.reserve(2);
    add_agent(by_default);
    add_peer("bare splice loop", "splice", 4020);
    add_peer("splice loop that keeps", "keep", 4025);
    add_peer("read+write loop", "copy", 4030);
    add_agent(other);
}

void GuestPlace::add_agent(const std::string& send) {
    machines_.push_back(boot(kernel_, send));
    const lab::Machine& machine = machines_.back();
    auto intake = std::make_unique<AgentIntake>(machine.files().vsock_socket());
    const lab::Descriptor listener = listen_at(host_port(machine, workload_port));
    const AgentIntake::Connect guest = [target = machine.target()](lab::Deadline deadline) {
        auto connection = lab::connect_guest(target, lab::exec_port, deadline);
        if (!connection) throw std::runtime_error("the guest does not answer");
        return std::move(*connection);
    };
    const lab::Deadline deadline(start_limit);
    intake->greet(guest, deadline);
    lanes_.emplace_back(Lane::Parts{.name = agent_name(send),
                                    .processes = {},
                                    .intake = std::move(intake),
                                    .control = accept(listener, deadline),
                                    .clock = WorkloadClock::of_a_guest});
}

void GuestPlace::add_peer(std::string name, const std::string& kind, unsigned port) {
    const lab::Machine& machine = machines_.front();
    const lab::Descriptor output = listen_at(host_port(machine, port));
    const lab::Descriptor control = listen_at(host_port(machine, port + 1));
    std::vector<lab::Process> processes;
    processes.push_back(lab::Process::start(
        {.argv = {lab::build_product("tools/rousectl").string(), "-H", machine.target(), "exec",
                  "--", peer_path, "relay", kind, fmt::format("vsock:{}", port),
                  fmt::format("vsock:{}", port + 1)},
         .log = machine.files().directory / (kind + ".log")}));
    const lab::Deadline deadline(start_limit);
    lab::Descriptor connection = accept(output, deadline);
    lanes_.emplace_back(Lane::Parts{.name = std::move(name),
                                    .processes = std::move(processes),
                                    .intake = std::make_unique<PlainIntake>(std::move(connection)),
                                    .control = accept(control, deadline),
                                    .clock = WorkloadClock::of_a_guest});
}

} // namespace rouse::bench
