// Words of rousectl's command line: keys, signals, quantities.
#include "proto/signal_names.hpp"
#include "tools/host/detach_keys.hpp"
#include "tools/host/interface_words.hpp"
#include "tools/host/quantities.hpp"
#include "tools/host/signal_names.hpp"

#include <boost/json/serialize.hpp>
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
    CHECK(proto::signal_name(34) == "SIGRTMIN");
    CHECK(proto::signal_name(47) == "SIGRTMIN+13");
    CHECK(proto::signal_name(64) == "SIGRTMAX");
    for (int number = 34; number <= 64; ++number) // as the C library counts
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

TEST_CASE("an interface is written in one word", "[host][words]") {
    const auto said = [](const char* text) {
        const auto interface = host::parse_interface(text);
        INFO((interface ? "" : interface.error().message));
        REQUIRE(interface.has_value());
        return boost::json::serialize(proto::to_json({*interface}));
    };
    CHECK(said("eth0=10.0.0.6/24,fd00::6/64,mac=52:54:00:00:00:02,mtu=1400,via=10.0.0.1,"
               "route=10.9.0.0/16@10.0.0.2,route=10.8.0.0/16") ==
          R"([{"interface":"eth0","mac":"52:54:00:00:00:02","mtu":1400,)"
          R"("addresses":["10.0.0.6/24","fd00::6/64"],"routes":[{"to":"default","via":"10.0.0.1"},)"
          R"({"to":"10.9.0.0/16","via":"10.0.0.2"},{"to":"10.8.0.0/16"}]}])");
    CHECK(said("eth0=none") == R"([{"interface":"eth0","addresses":[]}])");
    CHECK(said("eth0=mtu=1400") == R"([{"interface":"eth0","mtu":1400}])");
    CHECK(said("eth0=10.0.0.6/32,via=169.254.1.1") ==
          R"([{"interface":"eth0","addresses":["10.0.0.6/32"],)"
          R"("routes":[{"to":"default","via":"169.254.1.1","on_link":true}]}])");
    CHECK(said("eth0=fd00::6/64,via=fe80::1") ==
          R"([{"interface":"eth0","addresses":["fd00::6/64"],)"
          R"("routes":[{"to":"default","via":"fe80::1"}]}])");
}

TEST_CASE("a word that is no interface is refused with its part", "[host][words]") {
    const auto [text, part] =
        GENERATE(table<const char*, const char*>({{"eth0", "is not INTERFACE="},
                                                  {"=10.0.0.6/24", "interface: must be"},
                                                  {"lo=127.0.0.1/8", "interface: must be"},
                                                  {"eth0=10.0.0.6", "addresses[0]: must be"},
                                                  {"eth0=mtu=14x", "mtu: must be"},
                                                  {"eth0=mac=x", "mac: must be"},
                                                  {"eth0=via=gateway", "routes[0].via: must be"},
                                                  {"eth0=up=1", "up: is not a known key"}}));
    CHECK_THAT(host::parse_interface(text).error().message, ContainsSubstring(part));
}
