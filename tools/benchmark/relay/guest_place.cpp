#include "tools/benchmark/relay/place.hpp"
#include "tools/lab/guest.hpp"
#include "tools/lab/guest_program.hpp"
#include "tools/lab/places.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

#include <linux/vm_sockets.h>
#include <sys/socket.h>

namespace rouse::bench {
namespace {

constexpr const char* peer_path = "/bin/rouse-bench-peer";
constexpr const char* socat_path = "/usr/bin/socat"; ///< of the host and of the guest
constexpr unsigned workload_port = 4010; ///< of the host: the workload's control connection

/// Where the vsock device looks for who listens on `port` of the host.
std::filesystem::path host_port(const lab::Machine& machine, unsigned port) {
    return fmt::format("{}_{}", machine.files().vsock_socket().string(), port);
}

/// `port` of the host, in the words of rouse-bench-peer.
std::string vsock_port(unsigned port) {
    return fmt::format("vsock:{}", port);
}

/// Where `path` of the root directory is in an image.
std::string in_image(const std::filesystem::path& path) {
    return path.relative_path().string();
}

/// The peers' programs, each with what it needs to run. The image's /usr/bin is its /bin.
std::vector<initramfs::ExtraFile> programs() {
    std::vector<initramfs::ExtraFile> files = lab::guest_program(socat_path, "bin/socat");
    files.push_back({.source = lab::build_product("tools/rouse-bench-peer"),
                     .destination = in_image(peer_path),
                     .mode = 0755});
    return files;
}

lab::Machine boot(const std::string& kernel, const std::string& send) {
    lab::MachineOptions options;
    options.name = "bench";
    options.kernel = kernel;
    // In this rig what listens for the guest is a Unix socket, as in the native measurement.
    options.rig = lab::Rig::tcg;
    options.config = agent_config(send, {peer_path, "produce", vsock_port(workload_port)});
    options.files = programs();
    return lab::Machine::boot(options);
}

/// A relay of rouse-bench-peer, connected to `port` and, for its control, to the next one.
std::vector<std::string> peer_relay(std::string kind, unsigned port) {
    return {peer_path, "relay", std::move(kind), vsock_port(port), vsock_port(port + 1)};
}

/// As on the host (native_place.cpp), connected like peer_relay().
std::vector<std::string> socat_relay(const std::vector<std::string>& options, unsigned port) {
    std::vector<std::string> argv{socat_path, "-u"};
    argv.insert(argv.end(), options.begin(), options.end());
    argv.push_back(fmt::format(R"(EXEC:"{} produce {}",pipes)", peer_path, vsock_port(port + 1)));
    argv.push_back(fmt::format("VSOCK-CONNECT:{}:{}", VMADDR_CID_HOST, port));
    return argv;
}

} // namespace

GuestPlace::GuestPlace(std::string kernel, const std::string& other) : kernel_(std::move(kernel)) {
    machines_.reserve(2);
    add_agent(by_default);
    add_peer("bare splice loop", peer_relay("splice", 4020), 4020);
    add_peer("splice loop that keeps", peer_relay("keep", 4025), 4025);
    add_peer("read+write loop", peer_relay("copy", 4030), 4030);
    add_peer("socat", socat_relay({}, 4035), 4035);
    add_peer("socat -b 32768", socat_relay({"-b", "32768"}, 4040), 4040);
    add_peer(long_packets, socat_relay({"-b", "65536"}, 4045), 4045);
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

void GuestPlace::add_peer(std::string name, const std::vector<std::string>& relay, unsigned port) {
    const lab::Machine& machine = machines_.front();
    const lab::Descriptor output = listen_at(host_port(machine, port));
    const lab::Descriptor control = listen_at(host_port(machine, port + 1));
    std::vector<std::string> argv{lab::build_product("tools/rousectl").string(), "-H",
                                  machine.target(), "exec", "--"};
    argv.insert(argv.end(), relay.begin(), relay.end());
    std::vector<lab::Process> processes;
    processes.push_back(lab::Process::start(
        {.argv = argv, .log = machine.files().directory / fmt::format("{}.log", port)}));
    const lab::Deadline deadline(start_limit);
    lab::Descriptor connection = accept(output, deadline);
    lanes_.emplace_back(Lane::Parts{.name = std::move(name),
                                    .processes = std::move(processes),
                                    .intake = std::make_unique<PlainIntake>(std::move(connection)),
                                    .control = accept(control, deadline),
                                    .clock = WorkloadClock::of_a_guest});
}

} // namespace rouse::bench
