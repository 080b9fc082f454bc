#pragma once
// The vsock half of a virtual machine monitor, under the command of a test. Above it host programs
// run unchanged: it speaks the hybrid protocol on a Unix socket (CONNECT PORT, OK N; the guest's
// connections come to PATH_PORT). Below it is the guest's device. A script sees every packet before
// it is acted upon, and decides what becomes of it.

#include "tests/uml/connection.hpp"
#include "tests/uml/device.hpp"
#include "tests/uml/packet_log.hpp"
#include "tests/uml/profile.hpp"
#include "tools/host/tasks.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <optional>

namespace rouse::uml {

enum class Verdict {
    deliver,
    swallow, ///< as if it had never been sent
    hold,    ///< acted upon at release_held(): a late answer
    refuse,  ///< RST to the guest, and the end of the connection at the host
};

class Vmm;
/// Called for each packet, before anything is done with it.
using Script = std::function<Verdict(Vmm&, Direction, const Packet&)>;

/// One thread: everything is called from the loop. The loop has to run out before it is destroyed.
class Vmm {
public:
    /// Listens on FOLDER/v.sock for host programs and on FOLDER/device for the guest. Throws
    /// boost::system::system_error.
    Vmm(const host::Executor& executor, std::filesystem::path folder, const Profile& profile);
    Vmm(const Vmm&) = delete;
    Vmm& operator=(const Vmm&) = delete;
    ~Vmm() = default;

    /// Ends everything; the loop then runs out.
    void stop();

    void set_script(Script script) { script_ = std::move(script); }
    [[nodiscard]] PacketLog& log() { return log_; }
    [[nodiscard]] const Profile& profile() const { return profile_; }
    /// From here on it behaves like another VMM; connections that stand keep their credit.
    void set_profile(const Profile& profile) { profile_ = profile; }
    [[nodiscard]] std::uint64_t cid() const { return device_.cid(); }
    /// How many connections stand.
    [[nodiscard]] std::size_t connections() const { return connections_.size(); }

    /// What happens when this VMM restores a snapshot: its host side is a new process, which knows
    /// no connection; the guest hears of it as the profile says. `cid`: the new one of the guest.
    void restore(std::optional<std::uint64_t> cid = {});

    // Single faults, for scripts that are about one of them.

    /// The event alone. The host's side keeps its connections, like the source of a snapshot.
    void transport_reset();
    /// The event, and nothing else for the guest until it has handled it.
    void gated_reset();
    /// Forgets all connections without a word to the guest; host programs see their ends.
    void forget_connections();
    /// RST for each connection to or from this port of the host's programs or of the guest.
    void abort_connections(std::uint32_t port);
    /// Neither takes nor gives packets; events still go through. Nothing is lost by it.
    void set_mute(bool mute);
    void mute_for(std::chrono::milliseconds duration);
    /// How connections of the guest to this port of the host are read, now and later.
    void drain(std::uint32_t host_port, Drain drain);
    /// The port of the host's side of the next connection to the guest.
    void set_next_port(std::uint32_t port) { next_port_ = port; }
    /// Acts upon the packets that a script has held, in their order.
    void release_held();
    /// Does something later. Not once stop() was called.
    void after(std::chrono::milliseconds delay, std::function<void()> action);

private:
    /// The entry of a connection in the table, for as long as its coroutine runs.
    class Place;

    DeviceHooks device_hooks();

    // vmm_connections.cpp
    host::Awaitable<> accept_programs();
    host::Awaitable<> serve_program(host::Socket program);
    host::Awaitable<> serve_guest(Ports ports, PacketHeader request);
    Stream new_stream(Ports ports, Stream::State state) const;
    Ports next_ports(std::uint32_t guest_port);

    void hear(Packet packet);
    void route(Packet packet);
    void say(Packet packet);
    void refuse(Direction direction, const Packet& packet);
    void on_refill();
    void send_late_reset();

    host::Executor executor_;
    std::filesystem::path folder_;
    Profile profile_;
    PacketLog log_;
    Script script_;
    Device device_;
    boost::asio::local::stream_protocol::acceptor programs_;
    host::Tasks tasks_;
    std::map<Ports, Connection*> connections_; ///< live in the frames of their coroutines
    std::map<std::uint32_t, Drain> drains_;
    std::uint32_t next_port_ = first_host_port;
    std::vector<std::pair<Direction, Packet>> held_;
    bool late_reset_ = false;     ///< owed to the guest
    std::uint64_t processes_ = 1; ///< counts host sides: what an old one says reaches nobody
};

} // namespace rouse::uml
