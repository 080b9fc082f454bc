#include "tools/benchmark/exec/guest_peers.hpp"

#include "initramfs/command.hpp"
#include "initramfs/file.hpp"
#include "tools/lab/guest.hpp"
#include "tools/lab/guest_program.hpp"
#include "tools/lab/places.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <stdexcept>
#include <utility>

namespace rouse::bench {

namespace {

constexpr unsigned socat_port = 4050; ///< of the guest
constexpr unsigned ssh_port = 4051;
constexpr auto start_limit = std::chrono::seconds(60);
constexpr const char* peer_path = "/bin/rouse-bench-peer";
constexpr const char* server_path = "/usr/sbin/dropbear"; ///< of the host
constexpr const char* host_key = "/etc/dropbear/key";     ///< of the guest

void append(std::vector<initramfs::ExtraFile>& files, std::vector<initramfs::ExtraFile> more) {
    for (auto& file : more) {
        const auto is_there = [&](const auto& one) { return one.destination == file.destination; };
        if (std::ranges::none_of(files, is_there)) files.push_back(std::move(file));
    }
}

/// The peers' programs and new keys for both sides of SSH.
std::vector<initramfs::ExtraFile> guest_files(const std::filesystem::path& folder) {
    const auto server_key = folder / "server";
    const auto client_key = folder / "client";
    (void)initramfs::command_output(
        {"dropbearkey", "-t", "ed25519", "-f", server_key.string()}); // says the public part
    (void)initramfs::command_output(
        {"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", client_key.string()});
    std::vector<initramfs::ExtraFile> files{
        {.source = lab::build_product("tools/rouse-bench-peer"),
         .destination = std::filesystem::path(peer_path).relative_path().string(),
         .mode = 0755},
        {.source = server_key,
         .destination = std::filesystem::path(host_key).relative_path().string(),
         .mode = 0600},
        {.source = client_key.string() + ".pub",
         .destination = "root/.ssh/authorized_keys",
         .mode = 0600}};
    append(files, lab::guest_program("/usr/bin/socat", "bin/socat"));
    append(files, lab::guest_program(server_path, "bin/dropbear"));
    return files;
}

lab::Machine boot(const std::string& kernel, const std::filesystem::path& folder) {
    lab::MachineOptions options;
    options.name = "bench";
    options.kernel = kernel;
    // In this rig a guest's ports are behind a Unix socket, which ssh's ProxyCommand can reach.
    options.rig = lab::Rig::tcg;
    options.config = "{}";
    options.files = guest_files(folder);
    return lab::Machine::boot(options);
}

AgentCaller::Connect to_guest(const lab::Machine& machine, unsigned port) {
    return [target = machine.target(), port] {
        auto connection = lab::connect_guest(target, port, lab::Deadline(start_limit));
        if (!connection)
            throw std::runtime_error(fmt::format("the guest does not answer on {}", port));
        return std::move(*connection);
    };
}

std::vector<std::string> socat_words(unsigned port, const std::string& command) {
    return {"/bin/socat", fmt::format("VSOCK-LISTEN:{},fork", port), "EXEC:" + command};
}

} // namespace

GuestPeers::GuestPeers(const std::string& kernel)
    : directory_(lab::Directory::temporary("bench")), machine_(boot(kernel, directory_.path())),
      agent_(to_guest(machine_, lab::exec_port)) {
    start_in_guest(socat_words(socat_port, "/bin/true"), "socat.log");
    start_in_guest(socat_words(ssh_port, fmt::format("/bin/dropbear -i -s -r {}", host_key)),
                   "dropbear.log");
    start_master();
}

std::vector<std::string> GuestPeers::rousectl(std::vector<std::string> words) const {
    std::vector<std::string> argv{lab::build_product("tools/rousectl").string(), "-H",
                                  machine_.target(), "exec", "--"};
    argv.insert(argv.end(), words.begin(), words.end());
    return argv;
}

std::vector<std::string> GuestPeers::ssh(const std::vector<std::string>& words) const {
    const auto& folder = directory_.path();
    std::vector<std::string> argv{"ssh", "-F", "none", "-S", (folder / "master").string()};
    argv.insert(argv.end(), words.begin(), words.end());
    return argv;
}

void GuestPeers::start_in_guest(const std::vector<std::string>& argv, const std::string& log) {
    processes_.push_back(
        lab::Process::start({.argv = rousectl(argv), .log = directory_.path() / log}));
}

/// The vsock device answers CONNECT with a line, which SSH takes for one of those that may come
/// before the server's version (RFC 4253, section 4.2). It wants CONNECT alone in its packet.
void GuestPeers::start_master() {
    const auto& folder = directory_.path();
    const std::string proxy =
        fmt::format("sh -c '(echo CONNECT {}; sleep 1; exec cat) | socat - UNIX-CONNECT:{}'",
                    ssh_port, machine_.files().vsock_socket().string());
    const lab::Deadline deadline(start_limit);
    for (;;) {
        lab::Process master = lab::Process::start(
            {.argv = ssh({"-M", "-N", "-i", (folder / "client").string(), "-o", "BatchMode=yes",
                          "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                          "-o", "ProxyCommand=" + proxy, "root@guest"}),
             .log = folder / "ssh.log"});
        // It ends by itself when its server does not listen yet.
        while (!master.status() && !deadline.expired()) {
            if (std::filesystem::exists(folder / "master"))
                return processes_.push_back(std::move(master));
            lab::wait_to_retry(deadline);
        }
        if (deadline.expired())
            throw std::runtime_error("ssh does not reach the guest: " +
                                     initramfs::read_file(folder / "ssh.log"));
        lab::wait_to_retry(deadline);
    }
}

void GuestPeers::run_by_agent() {
    agent_.run_fresh();
}

void GuestPeers::run_by_rousectl() {
    spawn_and_wait(rousectl({"/bin/true"}));
}

void GuestPeers::run_by_socat() {
    read_to_end(to_guest(machine_, socat_port)());
}

void GuestPeers::run_by_ssh() {
    spawn_and_wait(ssh({"root@guest", "/bin/true"}));
}

double GuestPeers::spawn_time(unsigned count) {
    const std::string said =
        initramfs::command_output(rousectl({peer_path, "spawn", std::to_string(count)}));
    double microseconds = 0;
    if (std::from_chars(said.data(), said.data() + said.size(), microseconds).ec != std::errc())
        throw std::runtime_error(fmt::format("the guest's peer says '{}'", said));
    return microseconds;
}

} // namespace rouse::bench
