// What happens to a stream that nobody takes in time: lost and marked, or held.
#include "tests/unit/output_guest.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace rouse;
using namespace std::chrono_literals;

using output::DropPolicy;
using test::finish;
using test::HostConnection;
using test::OutputGuest;
using test::OutputHost;
using test::welcomed;

namespace {

/// Its stdout has a window of 64 KiB, and loses bytes when that was full for 20 ms.
struct DroppingGuest : OutputGuest {
    DroppingGuest() {
        options.stdout_policy = DropPolicy::drop;
        options.book.retention = 64 * 1024;
        options.book.write_timeout = 20ms;
        start();
        connect(1);
    }
};

/// Lets the guest and its host run for a while.
template <typename Meanwhile>
void pass(OutputGuest& guest, std::chrono::milliseconds time, Meanwhile meanwhile) {
    const auto end = std::chrono::steady_clock::now() + time;
    REQUIRE(guest.until([&] {
        meanwhile();
        return std::chrono::steady_clock::now() > end;
    }));
}

} // namespace

TEST_CASE("a host that is connected and takes nothing loses the newest bytes, marked", "[output]") {
    // Nothing is read, or everything is read and no credit is granted: the workload sees the same.
    const bool paused = GENERATE(true, false);
    CAPTURE(paused);
    DroppingGuest guest;
    OutputHost host(guest.host_path());
    REQUIRE(welcomed(guest, host));
    if (paused) host.acknowledge(*host.newest("stdout"), 1000);
    REQUIRE(guest.until([&] {
        (void)guest.write("stdout", 30000);
        if (paused) host.read_all();
        return guest.status("stdout").dropped_bytes > 1000000;
    }));
    REQUIRE(guest.status("stdout").dropping);
    REQUIRE(guest.events["output_dropping"] == 1);
    REQUIRE(host.stream("stdout").lost() == 0); // Said when it is over.
    REQUIRE(guest.until([&] {
        host.serve();
        return !guest.status("stdout").dropping;
    }));
    REQUIRE(guest.write("stdout", 5000) == 5000);
    finish(guest, host);
    const test::HostStream& stream = host.stream("stdout");
    REQUIRE(stream.is(guest.all_of("stdout")));
    REQUIRE(stream.gaps.size() == 1);
    REQUIRE(stream.lost() == guest.status("stdout").dropped_bytes);
    REQUIRE(guest.lost == stream.lost());
    REQUIRE(guest.events["output_dropped"] == 1);
}

TEST_CASE("while nobody is connected the oldest bytes are lost, marked, and the tail is kept",
          "[output]") {
    DroppingGuest guest;
    REQUIRE(guest.until([&] {
        (void)guest.write("stdout", 30000);
        return guest.written["stdout"] > 1000000;
    }));
    REQUIRE(guest.until([&] { return guest.status("stdout").workload_bytes == 0; }));
    OutputHost host(guest.host_path());
    finish(guest, host);
    const test::HostStream& stream = host.stream("stdout");
    REQUIRE(stream.is(guest.all_of("stdout")));
    REQUIRE(stream.gaps.size() == 1);
    REQUIRE(stream.gaps.front().first == 0);
    // At least half of the window, to the last byte.
    REQUIRE(stream.bytes.size() - stream.lost() >= 32 * 1024);
    REQUIRE(guest.status("stdout").drop_episodes == 1);
}

TEST_CASE("a window that is full to its last byte loses nothing while nobody writes", "[output]") {
    DroppingGuest guest;
    REQUIRE(guest.write_all("stdout", 64 * 1024, [] {}));
    REQUIRE(guest.until([&] { return guest.status("stdout").kept_bytes == 64 * 1024; }));
    pass(guest, 200ms, [] {});
    REQUIRE(guest.status("stdout").drop_episodes == 0);
    REQUIRE(guest.events["output_dropping"] == 0);
    OutputHost host(guest.host_path());
    finish(guest, host);
    REQUIRE(host.stream("stdout").is(guest.all_of("stdout")));
    REQUIRE(host.stream("stdout").gaps.empty());
}

TEST_CASE("a workload is held for write_timeout before anything is lost, and not for longer",
          "[output]") {
    OutputGuest guest;
    guest.options.stdout_policy = DropPolicy::drop;
    guest.options.book.retention = 16 * 1024;
    guest.options.book.write_timeout = 100ms;
    guest.start();
    const auto began = std::chrono::steady_clock::now();
    REQUIRE(guest.until([&] {
        (void)guest.write("stdout", 4096);
        return guest.status("stdout").dropping;
    }));
    REQUIRE(std::chrono::steady_clock::now() - began >= 100ms);
    // From now on it is never held again: nobody has released anything.
    bool held = false;
    REQUIRE(guest.until([&] {
        (void)guest.write("stdout", 4096);
        held = held || !guest.status("stdout").dropping;
        return guest.written["stdout"] > 4000000;
    }));
    REQUIRE_FALSE(held);
    REQUIRE(guest.status("stdout").drop_episodes == 1);
}

TEST_CASE("a stream that blocks loses nothing, and the other one does not notice", "[output]") {
    OutputGuest guest;
    guest.options.stderr_policy = DropPolicy::drop;
    guest.options.book.retention = 64 * 1024;
    guest.options.book.write_timeout = 10ms;
    guest.start();
    guest.connect(1);
    REQUIRE(guest.until([&] {
        (void)guest.write("stdout", 30000);
        (void)guest.write("stderr", 30000);
        return guest.written["stderr"] > 1000000;
    }));
    REQUIRE(guest.written["stdout"] < 400000); // three pipes of 256 and 64 KiB
    OutputHost host(guest.host_path());
    finish(guest, host);
    REQUIRE(host.stream("stdout").gaps.empty());
    REQUIRE(host.stream("stdout").is(guest.all_of("stdout")));
    REQUIRE(host.stream("stderr").is(guest.all_of("stderr")));
    REQUIRE(host.stream("stderr").lost() > 0);
}

TEST_CASE("a wedged connection is redialled with shorter frames, and nothing is lost", "[output]") {
    OutputGuest guest;
    guest.options.book.write_timeout = 10ms;
    guest.options.book.stall_redial = 30ms;
    guest.start();
    guest.connect(1);
    OutputHost host(guest.host_path());
    std::size_t left = 900000;
    std::uint64_t redials = 0;
    // Each of the first connections is read until it is welcomed, and never again.
    for (const std::size_t cap : {28U, 14U, 7U, 4U, 4U}) {
        REQUIRE(guest.status("stdout").frame_cap == cap * 1024);
        const std::size_t before = host.connections.size();
        REQUIRE(guest.until([&] {
            left -= guest.write("stdout", std::min<std::size_t>(left, 65536));
            host.accept_waiting();
            HostConnection* newest = host.newest("stdout");
            for (std::size_t i = before; i < host.connections.size(); ++i)
                if (!host.connections[i]->hello) host.read(*host.connections[i], 4096);
            newest = host.newest("stdout");
            if (newest != nullptr && !newest->welcomed)
                host.welcome(*newest, {.version = 1, .resume = {}, .window = 1U << 20U});
            return guest.status("stdout").redials == redials + 1;
        }));
        REQUIRE(guest.status("stdout").stalls == ++redials);
    }
    REQUIRE(guest.events["output_redialled"] == 5);
    REQUIRE(guest.until([&] {
        left -= guest.write("stdout", std::min<std::size_t>(left, 65536));
        host.serve();
        return left == 0;
    }));
    finish(guest, host);
    REQUIRE(host.newest("stdout")->largest_frame <= 4096);
    REQUIRE(host.stream("stdout").gaps.empty());
    REQUIRE(host.stream("stdout").is(guest.all_of("stdout")));
}

TEST_CASE("a frame that trickles for longer than write_timeout is a stall all the same",
          "[output]") {
    OutputGuest guest;
    guest.options.book.write_timeout = 20ms;
    guest.options.book.stall_redial = 60s;
    guest.start();
    guest.connect(1);
    OutputHost host(guest.host_path());
    REQUIRE(welcomed(guest, host));
    HostConnection& slow = *host.newest("stdout");
    REQUIRE(guest.until([&] {
        (void)guest.write("stdout", 65536);
        return guest.status("stdout").writing && !guest.status("stdout").socket_writable;
    }));
    while (guest.status("stdout").stalls == 0) {
        pass(guest, 10ms, [] {});
        host.read(slow, 2048);
        REQUIRE(slow.next_offset < 500000);
    }
    REQUIRE(guest.status("stdout").stalled_since);
    REQUIRE(guest.events["output_stalled"] == 1);
    finish(guest, host);
    REQUIRE(guest.events["output_recovered"] >= 1);
    REQUIRE_FALSE(guest.status("stdout").stalled_since);
    REQUIRE(host.stream("stdout").is(guest.all_of("stdout")));
}

TEST_CASE("the window is at least half of the retention for ordinary writers", "[output]") {
    for (const std::size_t size : {80U, 1000U, 2049U, 4096U, 4097U, 20000U}) {
        INFO("writes of " << size);
        OutputGuest guest;
        guest.start();
        guest.connect(1);
        OutputHost host(guest.host_path());
        REQUIRE(welcomed(guest, host));
        // Everything is read, promptly, and nothing is acknowledged.
        std::size_t tries = 0;
        REQUIRE(guest.until([&] {
            tries = guest.write("stdout", size) > 0 ? 0 : tries + 1;
            host.read(*host.newest("stdout"), 32768);
            return tries > 50;
        }));
        REQUIRE(guest.status("stdout").kept_bytes >= guest.options.book.retention / 2);
    }
}

TEST_CASE("both ways of sending bring the same bytes", "[output]") {
    const output::SendPath path = GENERATE(output::SendPath::splice, output::SendPath::copy);
    OutputGuest guest;
    guest.options.send = path;
    guest.start();
    guest.connect(1);
    OutputHost host(guest.host_path());
    for (const std::size_t count : {1U, 80U, 4079U, 4080U, 4081U, 4096U, 28671U, 28672U, 300000U})
        REQUIRE(guest.write_all("stdout", count, [&] { host.serve(); }));
    finish(guest, host);
    REQUIRE(host.stream("stdout").is(guest.all_of("stdout")));
    REQUIRE(guest.status("stdout").send == output::name(path));
    REQUIRE(host.newest("stdout")->largest_frame <=
            proto::limits::data_frame - proto::frame_header_size);
}
