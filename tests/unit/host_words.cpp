// Words of rousectl's command line: keys, signals, quantities.
#include "proto/exit_status.hpp"
#include "tools/host/detach_keys.hpp"
#include "tools/host/quantities.hpp"
#include "tools/host/signal_names.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_all.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <csignal>

using namespace rouse;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("detach keys are read as docker reads them", "[host][words]") {
    CHECK(host::parse_detach_keys("ctrl-p,ctrl-q").value() == "\x10\x11");
    CHECK(host::parse_detach_keys("a,ctrl-[,ctrl-@").value() == std::string("a\x1b\0", 3));
    CHECK(host::parse_detach_keys("").value().empty());
    const std::string bad = GENERATE("ctrl-P", "ab", "ctrl-", ",", "a,,b", "ctrl-1");
    CHECK_THAT(host::parse_detach_keys(bad).error().message, ContainsSubstring("detach keys"));
}

TEST_CASE("keys that only begin like the detach keys are typed late, but typed", "[host][words]") {
    host::DetachKeys keys("\x10\x11");
    CHECK(keys.feed("ab\x10") == "ab");
    CHECK(keys.feed("c") == "\x10"
                            "c");
    CHECK(keys.feed("\x10\x10") == "\x10");
    CHECK_FALSE(keys.seen());
    CHECK(keys.feed("\x11zz").empty());
    CHECK(keys.seen());
    host::DetachKeys none("");
    CHECK(none.feed("\x10\x11") == "\x10\x11");
    CHECK_FALSE(none.seen());
}

TEST_CASE("signals have names and numbers", "[host][words]") {
    for (const char* text : {"TERM", "SIGTERM", "term", "sigterm", "15"})
        CHECK(host::parse_signal(text).value() == SIGTERM);
    CHECK(host::parse_signal("RTMIN+3").value() == 37);
    CHECK(host::parse_signal("SIGRTMAX").value() == 64);
    for (int number = 1; number <= 31; ++number)
        CHECK(host::parse_signal(proto::signal_name(number)).value() == number);
    const std::string bad =
        GENERATE("", "0", "65", "-1", "NONE", "SIG", "RTMIN-1", "RTMIN+31", "15x");
    CHECK(host::parse_signal(bad).has_error());
}

TEST_CASE("times, sizes and processors have units", "[host][words]") {
    CHECK(host::parse_duration("30s").value() == 30s);
    CHECK(host::parse_duration("500ms").value() == 500ms);
    CHECK(host::parse_duration("2m").value() == 120s);
    CHECK(host::parse_duration("10").value() == 10s);
    CHECK(host::parse_size("512m").value() == 512U << 20U);
    CHECK(host::parse_size("2GB").value() == 2ULL << 30U);
    CHECK(host::parse_size("100b").value() == 100);
    CHECK(host::parse_cpus("1.5").value() == 150'000);
    const std::string bad = GENERATE("", "s", "-1s", "1.5x", "9223372036854775807h", "1 s");
    CHECK(host::parse_duration(bad).has_error());
    CHECK(host::parse_size(bad).has_error());
    CHECK(host::parse_cpus(bad).has_error());
}
