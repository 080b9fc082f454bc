// The output service against a scripted host.
#include "tests/unit/output_guest.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <fcntl.h>

using namespace rouse;
using namespace std::chrono_literals;

using test::arrives;
using test::HostConnection;
using test::OutputGuest;
using test::OutputHost;
using test::welcomed;

namespace {

proto::OutputWelcome answer(std::uint64_t resume, std::uint64_t window,
                            std::uint64_t max_frame = proto::limits::data_frame) {
    return {.version = 1, .resume = resume, .window = window, .max_frame = max_frame};
}

/// The newest connection of a stream, once its hello came.
HostConnection* greeted(OutputGuest& guest, OutputHost& host, const std::string& stream) {
    (void)guest.until([&] {
        host.read_all();
        return host.newest(stream) != nullptr && !host.newest(stream)->welcomed;
    });
    return host.newest(stream);
}

} // namespace

TEST_CASE("a host that comes late gets everything; until then the workload waits", "[output]") {
    OutputGuest guest;
    guest.options.book.retention = 64 * 1024;
    guest.start();
    guest.connect(1);
    REQUIRE(guest.until([&] { return guest.write("stdout", 4096) == 0; }));
    // Filling goes on until both pipes are full: retention and the workload's own pipe.
    REQUIRE(guest.until([&] {
        (void)guest.write("stdout", 4096);
        return guest.written["stdout"] >= 128 * 1024;
    }));
    OutputHost host(guest.host_path());
    REQUIRE(arrives(guest, host, "stdout"));
    REQUIRE(host.stream("stdout").bytes == guest.all_of("stdout"));
    REQUIRE(guest.warnings.size() == 2); // One line an outage and stream.
}

TEST_CASE("a host that never reads stalls its own stream and is redialled", "[output]") {
    OutputGuest guest;
    guest.options.book.write_timeout = 30ms;
    guest.options.book.stall_redial = 90ms;
    guest.start();
    guest.connect(1);
    OutputHost host(guest.host_path());
    REQUIRE(welcomed(guest, host));
    HostConnection& stuck = *host.newest("stdout");
    // From here on only stderr is read. The socket's buffer is smaller than what is written.
    const auto read_stderr = [&] {
        host.accept_waiting();
        for (const auto& connection : host.connections)
            if (connection.get() != &stuck) host.read(*connection, 65536);
        if (HostConnection* connection = host.newest("stderr"))
            host.acknowledge(*connection, 1U << 20U);
    };
    REQUIRE(guest.write_all("stdout", 800 * 1024, read_stderr));
    REQUIRE(guest.write_all("stderr", 400 * 1024, read_stderr));
    REQUIRE(guest.until([&] {
        read_stderr();
        return host.newest("stdout") != &stuck && host.stream("stderr").bytes.size() == 400 * 1024;
    }));
    REQUIRE(guest.events["output_stalled"] == 1);
    REQUIRE(guest.status("stdout").stalls == 1);
    REQUIRE(arrives(guest, host, "stdout"));
    REQUIRE(host.stream("stdout").bytes == guest.all_of("stdout"));
    REQUIRE(guest.status("stderr").stalls == 0);
}

TEST_CASE("a receiver that grants no credit has paused, and that is no stall", "[output]") {
    OutputGuest guest;
    guest.options.book.write_timeout = 10ms;
    guest.options.book.stall_redial = 20ms;
    guest.start();
    guest.connect(1);
    OutputHost host(guest.host_path());
    HostConnection* connection = greeted(guest, host, "stdout");
    host.welcome(*connection, answer(0, 0));
    REQUIRE(guest.write("stdout", 50000) > 0);
    boost::asio::steady_timer later(guest.io, 60ms);
    bool past = false;
    later.async_wait([&](const boost::system::error_code&) { past = true; });
    REQUIRE(guest.until([&] {
        host.read_all();
        return past;
    }));
    REQUIRE(guest.status("stdout").stalls == 0);
    REQUIRE(connection->frames == 0);
    REQUIRE_FALSE(connection->closed);
}

TEST_CASE("a resume beyond what was written is refused, said, and dialled again", "[output]") {
    OutputGuest guest;
    guest.start();
    guest.connect(1);
    OutputHost host(guest.host_path());
    REQUIRE(guest.write("stdout", 100) == 100);
    HostConnection* connection = greeted(guest, host, "stdout");
    host.welcome(*connection, answer(1000000, 1000));
    REQUIRE(guest.until([&] {
        host.read_all();
        return connection->closed;
    }));
    REQUIRE(connection->error->kind == "resume");
    REQUIRE(guest.events["output_refused"] == 1);
    REQUIRE(connection->frames == 0);
    REQUIRE(arrives(guest, host, "stdout"));
    REQUIRE(host.stream("stdout").bytes == guest.all_of("stdout"));
}

TEST_CASE("a host that breaks the protocol is told so and dialled again", "[output]") {
    const std::string too_long = {15, 1, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    const std::string bad[] = {
        too_long,
        proto::encode({.type = proto::FrameType::data, .stream = 1}, "no data goes this way"),
        proto::encode({.type = proto::FrameType::ack, .offset = 77}, R"({"window": 5})"),
        proto::encode({.type = proto::FrameType::ack}, "no JSON"),
        proto::encode({.type = proto::FrameType::welcome}, R"({"version": 1})"),
        proto::encode({.type = proto::FrameType::error}, R"({"kind": "busy"})"),
    };
    for (const std::string& bytes : bad) {
        OutputGuest guest;
        guest.start();
        guest.connect(1);
        OutputHost host(guest.host_path());
        REQUIRE(welcomed(guest, host));
        HostConnection* connection = host.newest("stdout");
        OutputHost::send(*connection, bytes);
        REQUIRE(guest.until([&] {
            host.serve();
            return connection->closed && host.newest("stdout") != connection;
        }));
        REQUIRE(guest.write("stdout", 100) == 100);
        REQUIRE(arrives(guest, host, "stdout"));
        REQUIRE(guest.escaped.empty());
    }
}

TEST_CASE("a frame of a type that nobody knows yet is skipped", "[output]") {
    OutputGuest guest;
    guest.start();
    guest.connect(1);
    OutputHost host(guest.host_path());
    REQUIRE(welcomed(guest, host));
    OutputHost::send(*host.newest("stdout"),
                     proto::encode({.type = static_cast<proto::FrameType>(200)}, "new"));
    REQUIRE(guest.write("stdout", 100) == 100);
    REQUIRE(arrives(guest, host, "stdout"));
    REQUIRE(guest.status("stdout").connections == 1);
}

TEST_CASE("a host that accepts and says nothing is dialled again", "[output]") {
    OutputGuest guest;
    guest.options.welcome_timeout = 20ms;
    guest.start();
    guest.connect(1);
    OutputHost host(guest.host_path());
    REQUIRE(guest.until([&] {
        host.read_all();
        return host.connections.size() >= 4;
    }));
    REQUIRE(guest.write("stdout", 100) == 100);
    REQUIRE(arrives(guest, host, "stdout"));
}

TEST_CASE("after a fence nothing is sent, filling goes on, and a new epoch resumes", "[output]") {
    OutputGuest guest;
    guest.start();
    guest.connect(1);
    OutputHost host(guest.host_path());
    REQUIRE(guest.write("stdout", 3000) == 3000);
    REQUIRE(arrives(guest, host, "stdout"));
    guest.service->disconnect();
    REQUIRE(guest.status("stdout").state == "down");
    REQUIRE(guest.write("stdout", 9000) == 9000);
    REQUIRE(guest.until([&] { return guest.status("stdout").workload_bytes == 0; }));
    const std::size_t before = host.connections.size();
    host.read_all();
    REQUIRE(host.connections.size() == before);
    REQUIRE(host.stream("stdout").bytes.size() == 3000);
    guest.connect(2);
    guest.connect(2);
    REQUIRE(arrives(guest, host, "stdout"));
    REQUIRE(host.stream("stdout").bytes == guest.all_of("stdout"));
    REQUIRE(host.newest("stdout")->hello->epoch == 2);
    REQUIRE(guest.status("stdout").connections == 2);
}

TEST_CASE("a connection that the registry closes is dialled again", "[output]") {
    OutputGuest guest;
    guest.start();
    guest.connect(1);
    OutputHost host(guest.host_path());
    REQUIRE(welcomed(guest, host));
    REQUIRE(guest.registry.fence({.epoch = guest.registry.epoch() + 1}) == 2);
    REQUIRE(guest.write("stdout", 9000) == 9000);
    REQUIRE(arrives(guest, host, "stdout"));
    REQUIRE(guest.status("stdout").connections == 2);
}

TEST_CASE("frames are 28 KiB at most until the host says more", "[output]") {
    struct Row {
        std::uint64_t allowed;
        std::size_t largest; ///< header and bytes: what may become one packet
    };
    for (const Row& row : {Row{28 * 1024, 28 * 1024}, Row{5000, 5000}, Row{1U << 20U, 64 * 1024}}) {
        OutputGuest guest;
        guest.start();
        (void)::fcntl(guest.ends["stdout"].get(), F_SETPIPE_SZ, 1U << 20U);
        REQUIRE(guest.write("stdout", 500000) == 500000);
        REQUIRE(guest.until([&] { return guest.status("stdout").kept_bytes == 500000; }));
        guest.connect(1);
        OutputHost host(guest.host_path());
        HostConnection* connection = greeted(guest, host, "stdout");
        host.welcome(*connection, answer(0, 1U << 20U, row.allowed));
        REQUIRE(guest.until([&] {
            host.read(*connection, 100000);
            return host.stream("stdout").bytes.size() == 500000;
        }));
        REQUIRE(connection->largest_frame + proto::frame_header_size == row.largest);
    }
}

TEST_CASE("the workload's ends block and belong to the workload's user", "[output]") {
    boost::asio::io_context io;
    io::TaskGroup tasks(io.get_executor(), [](const std::string&, const std::string&) {});
    io::ConnectionRegistry registry;
    io::MemoryBudget memory(proto::limits::retention_total);
    output::OutputCallbacks callbacks{
        .warn = [](const std::string&) {},
        .event = [](const std::string&, const boost::json::object&) {}};
    output::OutputService service(io.get_executor(), tasks, registry, memory, {}, callbacks);
    const sys::Result<output::WorkloadPipes> ends = service.open(::getuid(), ::getgid());
    REQUIRE(ends.has_value());
    REQUIRE((::fcntl(ends->out.get(), F_GETFL) & O_NONBLOCK) == 0);
    REQUIRE((::fcntl(ends->out.get(), F_GETFD) & FD_CLOEXEC) != 0);
    tasks.cancel();
    REQUIRE(test::run_until(io, [&] { return tasks.size() == 0; }));
}

TEST_CASE("16 MiB and 4 MiB at once arrive exactly", "[output]") {
    OutputGuest guest;
    guest.start();
    guest.connect(1);
    OutputHost host(guest.host_path());
    std::size_t out = std::size_t{16} << 20U;
    std::size_t err = std::size_t{4} << 20U;
    REQUIRE(guest.until(
        [&] {
            out -= guest.write("stdout", std::min<std::size_t>(out, 65536));
            err -= guest.write("stderr", std::min<std::size_t>(err, 16384));
            host.serve();
            return out == 0 && err == 0;
        },
        60s));
    REQUIRE(arrives(guest, host, "stdout"));
    REQUIRE(arrives(guest, host, "stderr"));
    REQUIRE(host.stream("stdout").bytes == guest.all_of("stdout"));
    REQUIRE(host.stream("stderr").bytes == guest.all_of("stderr"));
    REQUIRE(guest.status("stdout").connections == 1);
}

TEST_CASE("a workload that reads its own output back cannot wedge its stream", "[output]") {
    OutputGuest guest;
    guest.options.book.retention = 64 * 1024;
    guest.start();
    sys::UniqueFd thief(::open(fmt::format("/proc/self/fd/{}", guest.ends["stdout"].get()).c_str(),
                               O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    REQUIRE(thief.valid());
    guest.connect(1);
    OutputHost host(guest.host_path());
    std::string stolen(50000, 0);
    for (int i = 0; i < 50; ++i) {
        (void)guest.write("stdout", 30000);
        (void)sys::read_some(thief.get(), stolen);
        guest.io.restart();
        (void)guest.io.poll();
        host.serve();
    }
    guest.ends.clear();
    thief.reset();
    REQUIRE(guest.until([&] {
        host.serve();
        return guest.status("stdout").state == "finished";
    }));
    REQUIRE(host.stream("stdout").problem.empty());
}
