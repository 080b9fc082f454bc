// A relay that has stopped for no reason, and a host that is away for long.
#include "agent/sys/defence.hpp"
#include "agent/sys/failpoint.hpp"
#include "tests/unit/output_guest.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <cstdlib>

using namespace rouse;
using namespace std::chrono_literals;

using test::arrives;
using test::OutputGuest;
using test::OutputHost;
using test::welcomed;

namespace {

/// A switched-off defence is on again behind the test.
class WithoutDefence {
public:
    explicit WithoutDefence(const char* name) { ::setenv("ROUSE_DEFENCE_OFF", name, 1); }
    WithoutDefence(const WithoutDefence&) = delete;
    WithoutDefence& operator=(const WithoutDefence&) = delete;
    ~WithoutDefence() { ::unsetenv("ROUSE_DEFENCE_OFF"); }
};

/// Runs guest and host for a while; true when `done` holds before it is over.
template <typename Done>
bool within(OutputGuest& guest, std::chrono::milliseconds time, Done done) {
    const auto end = std::chrono::steady_clock::now() + time;
    bool held = false;
    (void)guest.until([&] {
        held = done();
        return held || std::chrono::steady_clock::now() > end;
    });
    return held;
}

} // namespace

TEST_CASE("a lost wake-up is repaired, counted and reported", "[output]") {
    const char* const place = GENERATE("relay-read-wake", "relay-work-wake");
    CAPTURE(place);
    OutputGuest guest;
    guest.options.watch_patience = 60ms;
    guest.start();
    guest.connect(1);
    OutputHost host(guest.host_path());
    REQUIRE(welcomed(guest, host));
    (void)within(guest, 50ms, [] { return false; }); // The host's last words have arrived.
    sys::arm_failpoint(place, 1);
    REQUIRE(guest.write("stdout", 3000) == 3000);
    // Only new bytes, or an acknowledgement, would wake it otherwise.
    REQUIRE(guest.until([&] {
        host.read_all();
        return host.stream("stdout").bytes.size() == 3000;
    }));
    REQUIRE(guest.status("stdout").repairs == 1);
    REQUIRE(guest.events["relay_repaired"] == 1);
    REQUIRE(guest.status("stderr").repairs == 0);
}

TEST_CASE("without the watchdog a lost wake-up stays lost", "[output]") {
    const WithoutDefence off("relay-watchdog");
    OutputGuest guest;
    guest.options.watch_patience = 20ms;
    guest.start();
    guest.connect(1);
    OutputHost host(guest.host_path());
    REQUIRE(welcomed(guest, host));
    sys::arm_failpoint("relay-read-wake", 1);
    REQUIRE(guest.write("stdout", 3000) == 3000);
    REQUIRE_FALSE(within(guest, 300ms, [&] {
        host.read_all();
        return !host.stream("stdout").bytes.empty();
    }));
    REQUIRE(guest.status("stdout").repairs == 0);
}

TEST_CASE("a relay that waits for its host is left alone", "[output]") {
    OutputGuest guest;
    guest.options.watch_patience = 10ms;
    guest.options.book.retention = 64 * 1024;
    guest.start();
    guest.connect(1);
    OutputHost host(guest.host_path());
    REQUIRE(welcomed(guest, host));
    // Full pipes, and a socket that takes nothing more.
    (void)within(guest, 200ms, [&] {
        (void)guest.write("stdout", 65536);
        return false;
    });
    REQUIRE(guest.status("stdout").repairs == 0);
    REQUIRE(arrives(guest, host, "stdout"));
    REQUIRE(guest.status("stdout").repairs == 0);
}

TEST_CASE("a relay whose watchdog has fallen asleep is watched again with its next byte",
          "[output]") {
    OutputGuest guest;
    guest.options.watch_patience = 4ms;
    guest.start();
    guest.connect(1);
    OutputHost host(guest.host_path());
    REQUIRE(welcomed(guest, host));
    (void)within(guest, 200ms, [] { return false; });
    sys::arm_failpoint("relay-work-wake", 1);
    REQUIRE(guest.write("stdout", 3000) == 3000);
    REQUIRE(guest.until([&] {
        host.read_all();
        return host.stream("stdout").bytes.size() == 3000;
    }));
    REQUIRE(guest.status("stdout").repairs == 1);
}

TEST_CASE("a host that was away for long is dialled on output or a request, not before",
          "[output]") {
    const bool by_output = GENERATE(true, false);
    CAPTURE(by_output);
    OutputGuest guest;
    guest.options.quiet_after = 30ms;
    guest.start();
    guest.connect(1);
    (void)within(guest, 150ms, [] { return false; });
    OutputHost host(guest.host_path());
    REQUIRE_FALSE(within(guest, 150ms, [&] {
        host.accept_waiting();
        return !host.connections.empty();
    }));
    if (by_output)
        REQUIRE(guest.write("stdout", 10) == 10);
    else
        guest.service->nudge();
    REQUIRE(guest.until([&] {
        host.serve();
        return guest.status("stdout").state == "streaming";
    }));
}

TEST_CASE("a held workload is reason enough to look for a host that was away for long",
          "[output]") {
    OutputGuest guest;
    guest.options.quiet_after = 30ms;
    guest.options.book.retention = 16 * 1024;
    guest.start();
    guest.connect(1);
    (void)within(guest, 200ms, [&] {
        (void)guest.write("stdout", 65536);
        return false;
    });
    OutputHost host(guest.host_path());
    REQUIRE(arrives(guest, host, "stdout"));
}

TEST_CASE("each defence is switched off by its name, and only by it", "[output]") {
    using sys::Defence;
    REQUIRE_FALSE(sys::is_off(Defence::write_deadline));
    const WithoutDefence off("frame-cap,stall-redial,write-deadlines");
    REQUIRE(sys::is_off(Defence::frame_cap));
    REQUIRE(sys::is_off(Defence::stall_redial));
    REQUIRE_FALSE(sys::is_off(Defence::write_deadline));
    REQUIRE_FALSE(sys::is_off(Defence::exit_first));
}

TEST_CASE("the hello of a new generation says its parent", "[output]") {
    OutputGuest guest;
    guest.start();
    guest.connect(1);
    OutputHost host(guest.host_path());
    REQUIRE(welcomed(guest, host));
    REQUIRE_FALSE(host.newest("stdout")->hello->parent_generation);
    guest.service->connect({.boot_id = "boot",
                            .generation = "clone",
                            .parent_generation = "generation",
                            .epoch = 2,
                            .link_key = "00112233445566778899aabbccddeeff"});
    REQUIRE(guest.until([&] {
        host.serve();
        return host.newest("stdout")->hello->epoch == 2;
    }));
    REQUIRE(host.newest("stdout")->hello->generation == "clone");
    REQUIRE(host.newest("stdout")->hello->parent_generation == "generation");
}
