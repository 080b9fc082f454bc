// What the console shows of a stream that no host takes.
#include "tests/unit/output_guest.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace rouse;
using namespace std::chrono_literals;

using test::finish;
using test::OutputGuest;
using test::OutputHost;
using test::welcomed;

TEST_CASE("the console shows what no host takes, and the host gets it all the same", "[output]") {
    OutputGuest guest;
    guest.options.console = true;
    guest.options.console_after = 20ms;
    guest.start();
    guest.connect(1);
    REQUIRE(guest.write("stdout", 300) == 300);
    REQUIRE(guest.until([&] { return guest.console.size() == 300; }));
    REQUIRE(guest.console == guest.all_of("stdout"));
    REQUIRE(guest.write("stdout", 9000) == 9000);
    REQUIRE(guest.until([&] { return guest.console.size() == 9300; }));
    REQUIRE(guest.console == guest.all_of("stdout"));
    OutputHost host(guest.host_path());
    REQUIRE(welcomed(guest, host));
    REQUIRE_FALSE(guest.status("stdout").console_active);
    REQUIRE(guest.write("stdout", 500) == 500);
    finish(guest, host);
    REQUIRE(guest.console.size() == 9300); // A host takes it now.
    REQUIRE(guest.status("stdout").console_shown == 9300);
    REQUIRE(host.stream("stdout").is(guest.all_of("stdout")));
}

TEST_CASE("the console is not asked for what it cannot take, and that is counted", "[output]") {
    OutputGuest guest;
    guest.options.console = true;
    guest.options.console_after = 0ms;
    guest.start();
    REQUIRE(guest.write_all("stdout", 400000, [] {}));
    REQUIRE(guest.until([&] {
        const output::RelayStatus status = guest.status("stdout");
        return status.console_shown + status.console_dropped == 400000;
    }));
    REQUIRE(guest.console.size() < 200000);
    OutputHost host(guest.host_path());
    guest.connect(1);
    finish(guest, host);
    REQUIRE(host.stream("stdout").is(guest.all_of("stdout")));
}
