// Timers that fire late, and all sources together.
#include "agent/io/clock_jumps.hpp"
#include "agent/io/race.hpp"
#include "agent/restore/clock_trigger.hpp"
#include "agent/restore/triggers.hpp"
#include "tests/unit/restore_trigger_rig.hpp"

#include <optional>

using namespace rouse;
using namespace std::chrono_literals;
using restore::Means;
using restore::Signal;
using test::run_until;
using test::TriggerRig;

TEST_CASE("a timer that is late by more than 250 ms is a jump, and gets one second chance",
          "[restore][triggers]") {
    using sys::SteadyTime;
    const SteadyTime start{100s};
    CHECK_FALSE(sys::is_jump(start, start - 1h));
    CHECK_FALSE(sys::is_jump(start, start + 250ms));
    CHECK(sys::is_jump(start, start + 251ms));
    CHECK_FALSE(sys::is_jump(SteadyTime::max(), start));
    CHECK(sys::is_jump(SteadyTime::min(), start));
    sys::SecondChance second;
    CHECK_FALSE(second.take(start, start + 250ms));
    CHECK(second.take(start, start + 1s));
    CHECK_FALSE(second.take(start, start + 1s));
}

TEST_CASE("the timers that one jump made late are told as one", "[restore][triggers]") {
    TriggerRig rig;
    restore::ClockTrigger trigger(rig.io.get_executor());
    rig.watch(trigger);
    rig.settle();
    const auto executor = rig.io.get_executor();
    const auto start = sys::SteadyTime(100s);
    io::note_expiry(executor, start, start + 200ms); // a busy moment
    rig.settle();
    CHECK(rig.signals.empty());
    io::note_expiry(executor, start + 1s, start + 61s);
    io::note_expiry(executor, start + 30s, start + 61s);
    rig.settle();
    CHECK(rig.signals ==
          std::vector<Signal>{{.source = "clock", .value = "1", .means = Means::loss}});
    CHECK(trigger.status().at("late_ms") == 60000);
    io::note_expiry(executor, start + 62s, start + 90s);
    rig.settle();
    CHECK(rig.signals.size() == 2);
}

TEST_CASE("a deadline that a jump made late ends nothing, and is heard of", "[restore][triggers]") {
    TriggerRig rig;
    restore::ClockTrigger trigger(rig.io.get_executor());
    rig.watch(trigger);
    std::optional<bool> in_time;
    rig.tasks.spawn("deadline",
                    io::store_result<bool>(io::with_deadline(io::forever(), 50ms), in_time));
    rig.settle();
    // For as long as nobody runs the loop its timers are late, as after a jump of the clock.
    const auto until = std::chrono::steady_clock::now() + 350ms;
    while (std::chrono::steady_clock::now() < until) {
    }
    rig.settle();
    CHECK_FALSE(in_time);
    CHECK(rig.signals.size() == 1);
    REQUIRE(run_until(rig.io, [&] { return in_time.has_value(); }));
    CHECK(in_time == false);
}

TEST_CASE("outside a VM only the clock is watched, and the metadata service where it is wanted",
          "[restore][triggers]") {
    TriggerRig rig;
    const auto names = [&](bool mmds) {
        restore::TriggerOptions options;
        options.mmds.enabled = mmds;
        std::string text;
        for (const auto& trigger : restore::make_triggers(rig.io.get_executor(), options))
            text += std::string(trigger->name()) + " ";
        return text;
    };
    CHECK(names(false) == "clock ");
    CHECK(names(true) == "clock mmds ");
}
