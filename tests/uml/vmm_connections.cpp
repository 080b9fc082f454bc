// The life of connections: dialled by host programs, dialled by the guest.

#include "tests/uml/vmm.hpp"
#include "tools/host/address.hpp"

#include <fmt/format.h>

#include <charconv>

#include <sys/socket.h>

namespace rouse::uml {

using host::Awaitable;
using host::no_throw;

namespace {

using namespace std::chrono_literals;

/// Firecracker's CONN_REQUEST_TIMEOUT_MS: how long a guest has to answer REQUEST.
constexpr auto request_timeout = 2s;
constexpr std::size_t longest_line = 32;

std::optional<std::uint32_t> port_in(std::string_view line) {
    constexpr std::string_view word = "CONNECT ";
    if (!line.starts_with(word) || !line.ends_with('\n')) return std::nullopt;
    std::uint32_t port = 0;
    const char* const end = line.data() + line.size() - 1;
    const auto [at, error] = std::from_chars(line.data() + word.size(), end, port);
    if (error != std::errc() || at != end) return std::nullopt;
    return port;
}

/// The port of "CONNECT PORT\n". The whole line has to be there at once, as for Firecracker; what
/// follows it belongs to the guest.
Awaitable<std::optional<std::uint32_t>> read_connect(host::Socket& program) {
    auto waited = co_await program.async_wait(host::Socket::wait_read, no_throw);
    if (std::get<0>(waited)) co_return std::nullopt;
    std::string line;
    while (!line.ends_with('\n') && line.size() < longest_line) {
        char byte = 0;
        if (recv(program.native_handle(), &byte, 1, MSG_DONTWAIT) != 1) co_return std::nullopt;
        line.push_back(byte);
    }
    co_return port_in(line);
}

} // namespace

class Vmm::Place {
public:
    Place(Vmm& vmm, Connection& connection) : vmm_(vmm), connection_(connection) {
        vmm_.connections_[connection.stream().ports()] = &connection;
        const auto drain = vmm_.drains_.find(connection.stream().ports().host);
        if (drain != vmm_.drains_.end()) connection.set_drain(drain->second);
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    /// A newer connection may have the same ports by now.
    ~Place() {
        const auto found = vmm_.connections_.find(connection_.stream().ports());
        if (found != vmm_.connections_.end() && found->second == &connection_)
            vmm_.connections_.erase(found);
    }

private:
    Vmm& vmm_;
    Connection& connection_;
};

Stream Vmm::new_stream(Ports ports, Stream::State state) const {
    return {ports, profile_.buffer, state};
}

Ports Vmm::next_ports(std::uint32_t guest_port) {
    Ports ports{.host = next_port_++, .guest = guest_port};
    while (connections_.contains(ports))
        ports.host = next_port_++;
    return ports;
}

Awaitable<> Vmm::accept_programs() {
    for (;;) {
        auto accepted = co_await programs_.async_accept(no_throw);
        auto& [error, socket] = accepted;
        if (error) co_return; // closed
        host::close_on_exec(socket.native_handle());
        tasks_.spawn(serve_program(host::Socket(std::move(socket))));
    }
}

Awaitable<> Vmm::serve_program(host::Socket program) {
    Awaitable<std::optional<std::uint32_t>> reading = read_connect(program);
    const std::optional<std::uint32_t> port = co_await std::move(reading);
    if (!port || !device_.active()) co_return; // which closes it: there is no other answer
    const Ports ports = next_ports(*port);
    Connection connection(std::move(program), new_stream(ports, Stream::State::requested),
                          [this](Packet packet) { say(std::move(packet)); });
    const Place place(*this, connection);
    say(new_stream(ports, Stream::State::requested).control(Op::request));
    Awaitable<bool> answering = connection.accepted(host::Clock::now() + request_timeout);
    if (!co_await std::move(answering)) {
        connection.abort(); // says nothing where the guest has refused
        co_return;
    }
    Awaitable<> running = connection.run(fmt::format("OK {}\n", ports.host));
    co_await std::move(running);
}

Awaitable<> Vmm::serve_guest(Ports ports, PacketHeader request) {
    host::Socket program(executor_);
    Stream stream = new_stream(ports, Stream::State::open);
    (void)stream.take(request); // a REQUEST carries no bytes that could be too many
    const std::string path = fmt::format("{}_{}", (folder_ / "v.sock").string(), ports.host);
    auto connected = co_await program.async_connect(host::unix_endpoint(path), no_throw);
    if (std::get<0>(connected)) {
        say(stream.control(Op::rst)); // nobody listens
        co_return;
    }
    host::close_on_exec(program.native_handle());
    Connection connection(std::move(program), stream,
                          [this](Packet packet) { say(std::move(packet)); });
    const Place place(*this, connection);
    say(stream.control(Op::response));
    Awaitable<> running = connection.run({});
    co_await std::move(running);
}

namespace {

Awaitable<> act_later(host::Executor executor, std::chrono::milliseconds delay,
                      std::function<void()> action) {
    host::Timer timer(executor, delay);
    auto waited = co_await timer.async_wait(no_throw);
    if (!std::get<0>(waited)) action();
}

} // namespace

void Vmm::after(std::chrono::milliseconds delay, std::function<void()> action) {
    tasks_.spawn(act_later(executor_, delay, std::move(action)));
}

} // namespace rouse::uml
