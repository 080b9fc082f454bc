#include "tests/uml/vmm.hpp"

#include <fmt/format.h>

#include <utility>

namespace rouse::uml {

namespace asio = boost::asio;

namespace {

using namespace std::chrono_literals;

/// A guest that nobody connects to gets its late reset all the same.
constexpr auto latest_reset = 300ms;

std::string_view note(Verdict verdict) {
    switch (verdict) {
    case Verdict::deliver:
        break;
    case Verdict::swallow:
        return "swallowed";
    case Verdict::hold:
        return "held";
    case Verdict::refuse:
        return "refused";
    }
    return {};
}

} // namespace

Vmm::Vmm(const host::Executor& executor, std::filesystem::path folder, const Profile& profile)
    : executor_(executor), folder_(std::move(folder)), profile_(profile),
      device_(executor, folder_ / "device", device_hooks()),
      programs_(executor, asio::local::stream_protocol::endpoint((folder_ / "v.sock").string())),
      tasks_(executor, [this](const std::string& what) { log_.happened("escaped: " + what); }) {
    tasks_.spawn(accept_programs());
}

DeviceHooks Vmm::device_hooks() {
    return {.packet = [this](Packet packet) { hear(std::move(packet)); },
            .delivered =
                [this](const PacketHeader& header) { log_.packet(Direction::to_guest, header); },
            .events_refilled = [this] { on_refill(); },
            .ended = [this](const std::string& why) { log_.happened("device: " + why); }};
}

void Vmm::stop() {
    boost::system::error_code ignored; // the descriptor is gone either way
    programs_.close(ignored);
    device_.close();
    forget_connections();
    tasks_.cancel();
}

void Vmm::hear(Packet packet) {
    const Verdict verdict =
        script_ ? script_(*this, Direction::from_guest, packet) : Verdict::deliver;
    log_.packet(Direction::from_guest, packet.header, note(verdict));
    if (verdict == Verdict::refuse) refuse(Direction::from_guest, packet);
    if (verdict == Verdict::hold)
        held_.emplace_back(Direction::from_guest, std::move(packet));
    else if (verdict == Verdict::deliver)
        route(std::move(packet));
}

void Vmm::route(Packet packet) {
    const PacketHeader& header = packet.header;
    // Of a CID that the guest has no more; a VMM drops it.
    if (header.source_cid != cid() || header.destination_cid != host_cid ||
        header.type != stream_type)
        return log_.happened(fmt::format("dropped: from CID {}", header.source_cid));
    const Ports ports = packet.ports(Direction::from_guest);
    const auto found = connections_.find(ports);
    if (found != connections_.end()) {
        const bool answered =
            packet.is(Op::response) && found->second->stream().state() == Stream::State::requested;
        found->second->take(std::move(packet));
        if (answered && late_reset_) send_late_reset();
    } else if (packet.is(Op::request)) {
        tasks_.spawn(serve_guest(ports, header));
    } else if (!packet.is(Op::rst)) {
        say(new_stream(ports, Stream::State::over).control(Op::rst));
    }
}

void Vmm::say(Packet packet) {
    const std::uint64_t process = processes_;
    packet.header.destination_cid = cid();
    Verdict verdict = script_ ? script_(*this, Direction::to_guest, packet) : Verdict::deliver;
    // The script has ended the process that was about to say it.
    if (process != processes_) verdict = Verdict::swallow;
    if (verdict == Verdict::deliver) return device_.send(std::move(packet));
    log_.packet(Direction::to_guest, packet.header, note(verdict));
    if (verdict == Verdict::refuse) refuse(Direction::to_guest, packet);
    if (verdict == Verdict::hold) held_.emplace_back(Direction::to_guest, std::move(packet));
}

/// Not said through the script, which would be asked about its own answer.
void Vmm::refuse(Direction direction, const Packet& packet) {
    const Ports ports = packet.ports(direction);
    const auto found = connections_.find(ports);
    if (found != connections_.end()) found->second->forget();
    Packet rst = new_stream(ports, Stream::State::over).control(Op::rst);
    rst.header.destination_cid = cid();
    device_.send(std::move(rst));
}

void Vmm::release_held() {
    for (auto& [direction, packet] : std::exchange(held_, {})) {
        log_.packet(direction, packet.header, "released");
        if (direction == Direction::from_guest)
            route(std::move(packet));
        else
            device_.send(std::move(packet));
    }
}

void Vmm::restore(std::optional<std::uint64_t> cid) {
    log_.happened(fmt::format("restore as {} does", profile_.name));
    std::vector<Ports> old;
    for (const auto& [ports, connection] : connections_)
        old.push_back(ports);
    forget_connections();
    if (cid) device_.set_cid(*cid);
    if (profile_.ports_restart) next_port_ = first_host_port;
    switch (profile_.notice) {
    case Profile::Notice::reset:
        return transport_reset();
    case Profile::Notice::gated_reset:
        return gated_reset();
    case Profile::Notice::late_reset:
        late_reset_ = true;
        return after(latest_reset, [this] { send_late_reset(); });
    case Profile::Notice::rst:
        for (const Ports& ports : old)
            say(new_stream(ports, Stream::State::over).control(Op::rst));
        return;
    case Profile::Notice::silence:
        return;
    }
}

void Vmm::send_late_reset() {
    if (std::exchange(late_reset_, false)) transport_reset();
}

void Vmm::transport_reset() {
    log_.happened(device_.transport_reset() ? "TRANSPORT_RESET" : "no buffer for TRANSPORT_RESET");
}

void Vmm::gated_reset() {
    device_.hold_outbox(true);
    transport_reset();
}

void Vmm::on_refill() {
    log_.happened("the guest refilled the event queue");
    device_.hold_outbox(false);
}

void Vmm::forget_connections() {
    ++processes_;
    held_.clear();
    device_.drop_queued();
    // What is forgotten leaves the table when its coroutine ends: soon, but not now.
    for (const auto& [ports, connection] : std::exchange(connections_, {}))
        connection->forget();
}

void Vmm::abort_connections(std::uint32_t port) {
    log_.happened(fmt::format("RST for the connections of port {}", port));
    for (const auto& [ports, connection] : std::map(connections_))
        if (ports.host == port || ports.guest == port) connection->abort();
}

void Vmm::set_mute(bool mute) {
    log_.happened(mute ? "mute" : "no longer mute");
    device_.set_mute(mute);
}

void Vmm::mute_for(std::chrono::milliseconds duration) {
    set_mute(true);
    after(duration, [this] { set_mute(false); });
}

void Vmm::drain(std::uint32_t host_port, Drain drain) {
    log_.happened(drain.bytes == 0 ? fmt::format("credit of port {} withheld", host_port)
                                   : fmt::format("port {} is read anew", host_port));
    drains_[host_port] = drain;
    for (const auto& [ports, connection] : connections_)
        if (ports.host == host_port) connection->set_drain(drain);
}

} // namespace rouse::uml
